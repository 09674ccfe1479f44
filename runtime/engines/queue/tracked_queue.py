"""TrackedQueue, TrackedSubscription: drivers that can tell of single messages, and end them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from runtime.engines.queue.driver_queue import Ending
from runtime.engines.queue.message import Message
from runtime.engines.queue.status import Record
from runtime.engines.sql.contract import JoinableTransaction

CANCELLED_FOR = 3600.0
"""Least seconds for which a driver tells that a message was cancelled."""
LONGEST_RESULT = 65_536
"""Bytes of a result that are kept."""


def nobody(id: str) -> None:
    """The `on_cancel` of a subscription whose messages nobody has in hand."""


def nothing(message: Message) -> None:
    """The `unwritten` of a subscription whose messages tell of no progress."""


@runtime_checkable
class TrackedQueue(Protocol):
    """A driver's queue that finds single messages. A driver without says so in its kind's
    `unsupported`, under `tasks`.

    All of it works too while the driver does not run, if what keeps its messages does.
    """

    retention: float | None
    """Seconds for which a finished message is kept with its result; None for not at all."""

    @property
    def paused(self) -> bool:
        """True while nothing is delivered, as far as this program knows."""
        ...

    async def find(self, id: str) -> Record | None:
        """The message of that id, in any state; None if there is none. Never of a delivery that was
        reassigned since.
        """
        ...

    async def cancel(self, id: str) -> Record | None:
        """End the message of that id, and tell what has become of it; None if there is none.

        One that waits is `cancelled` then. One that is `running` is to be cancelled: whoever has it
        in hand is told, also in another program, within a second or two; and it is not delivered
        again, whatever happens to that program. Others stay what they are.
        """
        ...

    async def pause(self, paused: bool) -> None:
        """Deliver nothing, or deliver again, in all programs: within a second or two in others.

        What is in hand is not affected, and messages are accepted. A durable driver keeps it.
        """
        ...


@runtime_checkable
class TrackedSubscription(Protocol):
    """The subscription of a TrackedQueue."""

    on_cancel: Callable[[str], None]
    """Called with the id of a message that was received, and is to be cancelled; perhaps again."""
    unwritten: Callable[[Message], str | None]
    """The latest progress of a message that was not noted for certain, None if there is none. It is
    kept with the end of the message, which would else show an older one.
    """

    async def finish(
        self,
        message: Message,
        result: bytes | None,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        """As `ack`; the message is kept for the queue's `retention`, with what its handler
        returned, one JSON document.
        """
        ...

    async def cancel(self, message: Message) -> None:
        """Settle the message as cancelled."""
        ...

    def note(self, progress: Mapping[Message, str]) -> Ending | None:
        """Keep the progress of messages; ignores those that are not held. None if it is done, else
        what ends once it is.
        """
        ...
