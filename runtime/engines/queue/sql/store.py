"""Store: the contract between the durable queues and the database that keeps their messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.clock import Clock
from runtime.engines.queue.driver_queue import Ending, Full, Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import (
    Claim,
    Claimed,
    Drop,
    Fire,
    Note,
    Promoted,
    Prune,
    Publish,
    PublishMany,
    Requeue,
    Settle,
)
from runtime.engines.sql.contract import Database, JoinableTransaction

if TYPE_CHECKING:
    from runtime.engines.queue.sql.tasks import Tasks


class State(IntEnum):
    """The state of a message's row."""

    PARKED = -1
    """Ready, but its partition has all the messages running that it may."""
    READY = 0
    DELAYED = 1
    RUNNING = 2
    DEAD = 3
    DONE = 4
    CANCELLED = 5


class StoreSettings(msgspec.Struct, frozen=True):
    """The fields of a driver that its store goes by."""

    id: str
    """The driver's id, for errors."""
    lease: float
    """Seconds without a heartbeat after which an owner counts as dead."""
    heartbeat: float
    """Seconds between two renewals of the lease."""
    durable: bool
    """True if an accepted message must survive a power failure."""
    clock: Clock
    """For a database that has no clock of its own: due times are by its `time`."""
    lanes: int
    """For a database on a server: the number of connections that messages travel on, 3 or 1."""
    listen: bool
    """For a database on a server: False to look for messages of other programs once a second."""


class Report(msgspec.Struct, frozen=True):
    """The result of a store's regular check of its lease, the other owners and delayed messages."""

    expired: bool = False
    """True if the lease had expired: all that was held under it was reassigned, and the store has
    another owner now."""
    rescued: Sequence[str] = ()
    """The queues that got back messages of a dead owner."""
    due_in: float | None = None
    """Seconds until the next delayed message is due; None if there is none."""
    fault: str | None = None
    """The error of a check that failed; only `expired` and the lease mean anything then."""
    is_to_prune: bool = False
    """True if there are messages that were kept for as long as they should."""
    cancelling: Sequence[int] = ()
    """The rows of those held under the lease that are to be cancelled."""
    paused: Collection[str] = ()
    """The queues that are paused."""
    renewed: bool = False
    """True if the lease was renewed."""
    held: bool = True
    """False while the store has no lease."""


class Store(Protocol):
    """The messages of one driver's queues in a database, and the lease under which it holds them.

    Futures are of the running loop and raise Unavailable if the database could not do it; methods
    that return one raise Unavailable at once while the store is not open, `settle` perhaps NotHeld.
    With a transaction, the
    work is done inside of it, when and if it is committed; TypeError and ValueError if it is not
    one of this database. Without one, `publish`, `requeue` and `drop` raise RuntimeError inside a
    transaction of this database, for which they would wait forever.

    A message is held by its `seq` and the `token` of its claim, until the owner that claimed it has
    ended. No two claims of a message have the same token. Delays are counted by the store's clock,
    from when it accepts them.
    """

    @property
    def database(self) -> Database:
        """The database."""
        ...

    @property
    def label(self) -> str:
        """The name of the database in logs and errors."""
        ...

    @property
    def owner(self) -> int:
        """The id of the lease to claim under. Raises Unavailable while the store is not open."""
        ...

    async def open(
        self,
        queues: Sequence[str],
        on_report: Callable[[Report], None],
        on_notify: Callable[[str], None],
    ) -> None:
        """Create or migrate the tables, release the messages of dead owners, and take a lease.

        From then on a thread renews it, however busy the event loop is; `on_report` is called on
        the loop after each of its checks, about once a second, and `on_notify` with the queue's
        name when another program notifies. Raises Unavailable if the database cannot be used yet,
        StartError if waiting would not help.
        """
        ...

    async def close(self) -> None:
        """Give back all that is held, end the lease, and release resources, whatever happens.

        Raises Unavailable if the lease could not be ended: it then expires.
        """
        ...

    def abandon(self) -> None:
        """Release resources at once and leave the messages to other owners. May be called twice,
        and before `open` or after `close`.
        """
        ...

    def publish(
        self, item: Publish, transaction: JoinableTransaction | None
    ) -> asyncio.Future[str]:
        """Answers with the id of the message, or of the one that has its key. Raises Full."""
        ...

    def publish_many(
        self, item: PublishMany, transaction: JoinableTransaction | None
    ) -> asyncio.Future[None]:
        """In one commit. Raises Full, and then none of them is published."""
        ...

    @property
    def claim(self) -> Callable[[Claim], asyncio.Future[Claimed]]:
        """Answers with the head of the queue by priority, age and `seq`, in that order.

        Raises Unavailable if the item's owner has ended.
        """
        ...

    @property
    def claim_limited(self) -> Callable[[Claim], Ending]:
        """As `claim`, within the item's `limits`, and together with the claims of other programs.

        Messages of a partition that is full are passed over, and parked so that no later claim
        passes them again; those of a partition that has room again are ready at their old place.
        """
        ...

    def unpark(self, queue: str) -> asyncio.Future[int]:
        """Make parked messages of a queue ready, since nobody limits its partitions any more.
        Answers with how many; there may be more.
        """
        ...

    @property
    def settle(self) -> Callable[[Settle], asyncio.Future[Any]]:
        """Raises NotHeld. A settlement that is asked for twice succeeds once."""
        ...

    @property
    def claim_lazily(self) -> Callable[[Claim], Ending]:
        """As `claim`, for what no task waits for: it may take a few milliseconds longer, to be
        written together with other requests.
        """
        ...

    @property
    def settle_lazily(self) -> Callable[[Settle], Ending]:
        """As `settle`, in the same way."""
        ...

    def hurry(self) -> None:
        """Somebody waits now for what was asked for lazily: do it without further delay."""
        ...

    def settle_in(self, transaction: JoinableTransaction, item: Settle) -> asyncio.Future[Any]:
        """Settle inside a transaction. Raises NotHeld at once, not at the commit."""
        ...

    def requeue(
        self, item: Requeue, transaction: JoinableTransaction | None
    ) -> asyncio.Future[Any]:
        """Raises NotHeld, Full and KeyTaken, and then the letter stays."""
        ...

    def drop(self, item: Drop) -> asyncio.Future[Any]:
        """Raises NotHeld."""
        ...

    def fire(self, item: Fire) -> asyncio.Future[str | None]:
        """Answers with the id of the message; with None if it was published for that time before.
        Raises Full, and then that time is still to be fired.
        """
        ...

    async def last_fired(self, schedule: str) -> float | None:
        """The latest planned time of a schedule that was fired."""
        ...

    @property
    def tasks(self) -> Tasks:
        """All that may be asked of single messages and pauses, also while it is not open."""
        ...

    def note(self, items: Sequence[Note]) -> asyncio.Future[Any]:
        """Keep the progress of messages that are held; ignores those that are not."""
        ...

    def promote(self) -> asyncio.Future[Promoted]:
        """Make delayed messages ready that are due."""
        ...

    def prune(self, item: Prune) -> asyncio.Future[int]:
        """Delete messages that were kept after their end. Answers with how many."""
        ...

    async def count(self, queue: str) -> Info:
        """The number of messages of a queue in each state."""
        ...

    async def dead_letters(self, queue: str, died_in: str | None, limit: int) -> Sequence[Message]:
        """The oldest dead letters of a queue. With `died_in`, an id, the unfinished messages that
        the queue received as dead letters of that one.
        """
        ...

    async def count_dead_letters(self, queue: str, died_in: str) -> int:
        """The number of those."""
        ...

    async def find_dead_letter(self, queue: str, died_in: str | None, id: str) -> Message | None:
        """The one of that id, unless it is in flight. Its `token` is the one to requeue or drop
        it by.
        """
        ...

    def after_commit(self, transaction: JoinableTransaction, callback: Callable[[], None]) -> None:
        """Call back on the running loop once a transaction is committed; never if it is not."""
        ...

    def notify(self, queues: Collection[str]) -> None:
        """Tell other programs that these queues have ready messages. Nothing depends on it."""
        ...


def full(queue: str, length: int) -> Full:
    """The error for a queue of that length."""
    return Full(f"queue '{queue}' is full ({length})", length)


def check_transaction(
    transaction: JoinableTransaction, database: object, label: str, id: str
) -> JoinableTransaction:
    """The transaction, if it is one of the database where the driver `id` keeps its messages.

    Raises TypeError or ValueError.
    """
    found = getattr(transaction, "database", None)
    if found is None:
        raise TypeError(
            f"the transaction is of type {type(transaction).__name__}; "
            "give what `async with db.transaction()` or `sql.transaction()` gave"
        )
    if found is not database:
        raise ValueError(
            f"the transaction is not one of '{label}', where '{id}' keeps its messages"
        )
    return transaction
