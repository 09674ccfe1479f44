"""The contract of queue drivers: the messages of one queue, as its driver keeps them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction


class Full(Exception):
    """A queue holds as many messages as its `max_length` allows; that is `length`."""

    http_status = 503
    """The status of an HTTP response, if a handler lets this pass."""
    retry_after = 1.0
    """Seconds after which it makes sense to try again."""

    def __init__(
        self,
        text: str = "the queue is full",
        length: int | None = None,
        waited: float | None = None,
        accepted: int = 0,
    ) -> None:
        """`waited` is how many seconds the publisher waited for room, if its queue lets it;
        `accepted` the number of messages of a `publish_many` that are in the queue nevertheless.
        """
        super().__init__(text)
        self.length = length
        self.waited = waited
        self.accepted = accepted


class KeyTaken(Exception):
    """A dead letter cannot be requeued while its queue has an unfinished message of its key."""

    http_status = 409


class Closed(Exception):
    """The subscription was closed; nothing more is received through it."""


class NotHeld(Exception):
    """The message is not held any more: it was settled, or its lease expired."""


class Info(msgspec.Struct, frozen=True):
    """The number of messages of a queue in each state."""

    ready: int
    delayed: int
    in_flight: int
    dead: int
    """Those in the driver's own store, and those in the queue that is named for them."""
    paused: bool = False
    """True while nothing is delivered."""


class PartialInfo(msgspec.Struct, frozen=True):
    """The numbers of a driver that cannot tell how many messages are delayed or in flight."""

    ready: int
    dead: int
    delayed: None = None
    in_flight: None = None
    paused: None = None


class Ending(Protocol):
    """The end of something, later on the event loop, as by an `asyncio.Future`; for one callback or
    one `await`."""

    def cancelled(self) -> bool: ...

    def result(self) -> Any: ...

    def exception(self) -> BaseException | None: ...

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Called with this object, in the turn in which it ends or in the next one."""
        ...

    def __await__(self) -> Generator[Any, None, Any]: ...


class Subscription(Protocol):
    """One consumer's claim on a queue. Made by `DriverQueue.subscribe`, for one event loop.

    Each received message is settled exactly once, by `ack`, `retry`, `release` or `bury`, in any
    order and by any task, also after `close`. To settle a message that is not held (settled before,
    or reassigned because a lease expired) raises NotHeld and changes nothing. None of these needs
    room in the queue. A driver that lost its storage raises Unavailable or an error of its own,
    from every method.

    A consumer lets its workers go on while at most `prefetch` of its settlements are being written.
    So after a crash, as many messages may be redelivered although their handlers had ended well.
    Claimed and unsettled are at most `prefetch` messages, or one for each receiver if that is more;
    a claim counts those as settled whose settlement was asked for before it.
    """

    settles_in_background: bool
    """True if a worker should go on while its `retry` or `bury` is written."""

    @property
    def asking_since(self) -> float | None:
        """When it asked for messages and was not answered yet, by the clock's `monotonic`."""
        ...

    def take(self) -> Message | None:
        """The next message as `receive` returns it, if it is there already; else None."""
        ...

    async def receive(self) -> Message:
        """Wait for the next message: the highest priority first, then the oldest.

        Its `attempt` is counted and stored already. May be awaited by many tasks at once; a
        cancelled wait loses no message. A driver may claim up to the subscription's `prefetch`
        messages ahead. Raises Closed after `close`, also if it happens during the wait.
        """
        ...

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        """Delete the message; with `transaction`, when and if that is committed.

        A driver that cannot join transactions says so in its kind's `unsupported`, and is not asked
        to.
        """
        ...

    def ack_nowait(self, message: Message) -> Ending | None:
        """As `ack`, without waiting for it: None if it is done, else what ends as `ack` does.

        It may take a few milliseconds longer, so that it is written together with other things.
        """
        ...

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        """Redeliver the message after `delay` seconds, behind what is ready by then. A driver that
        finds single messages keeps the error of the attempt, and cancels one that is to be.
        """
        ...

    async def release(self, messages: Sequence[Message]) -> None:
        """Give messages back without spending an attempt: ready at once, in front, in the order
        given.

        Ignores messages that are not held: this is the last act of a consumer that must stop.
        """
        ...

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        """Replace the message by a dead letter in the queue `to`, or in this driver's own store.

        In one step if both queues are of one driver that can do so; otherwise the dead letter is
        published before the message is deleted, so that a crash between the two duplicates it and
        loses nothing.
        """
        ...

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        """Replace a dead letter that is held by the message `again` in the queue `to`.

        In one step, as `bury`; with `transaction`, when and if that is committed. Raises Full and
        KeyTaken, and then the letter is still held.
        """
        ...

    async def close(self) -> None:
        """Claim nothing more, and release what was claimed ahead. May be called twice.

        Received messages stay held until they are settled.
        """
        ...


class DriverQueue(Protocol):
    """One queue of a driver. Made by `Driver.declare`, without side effects beyond memory.

    May be published to before the driver's service is ready: a driver that cannot accept a message
    then raises Unavailable, and never accepts one that it may forget.
    """

    @property
    def name(self) -> str:
        """The queue's name on its driver."""
        ...

    async def publish(
        self,
        message: Message,
        delay: float = 0.0,
        transaction: JoinableTransaction | None = None,
        counts_running: bool = False,
    ) -> str:
        """Accept a message, to be delivered after `delay` seconds at the earliest. Returns its id;
        if a message of the same `unique` key waits in the queue, ready or delayed, or with
        `counts_running` is in flight, nothing is accepted, and the id of that one is returned.

        Returns when the message is as safe as this driver makes it, or with `transaction`, one of
        the database that keeps the messages, when it will be if that is committed. Raises Full if
        ready, delayed and in-flight messages together have reached `max_length`: at once, or with
        the option `overflow: wait` and without a transaction, if no room comes within
        `overflow_timeout`. Those that wait are served in the order in which they came; a cancelled
        wait takes no room. A driver that has no such option says so in its kind's `unsupported`,
        under `overflow`. Raises ValueError for a transaction that is not of this driver's database.
        """
        ...

    async def publish_dead_letter(self, message: Message) -> None:
        """Accept a dead letter of another queue: as `publish`, but never Full.

        Its header `x_original_queue` is the id of that queue, the `died_in` of the methods below.
        """
        ...

    def subscribe(self, prefetch: int) -> Subscription:
        """A subscription that claims at most `prefetch` messages ahead; with 0, none."""
        ...

    async def info(self) -> Info | PartialInfo:
        """A driver that gives a PartialInfo says so in its kind's `unsupported`, under `info`."""
        ...

    # A driver that cannot look for single messages says so in its kind's `unsupported`, under
    # `dead_letters`: with `died_in` it counts and finds none, and requeues and drops none.

    async def dead_letters(self, limit: int = 100, died_in: str | None = None) -> Sequence[Message]:
        """The oldest dead letters in the driver's own store; with `died_in`, those that this queue
        received from that one and that are not done.
        """
        ...

    async def count_dead_letters(self, died_in: str) -> int:
        """The number of unfinished dead letters that this queue received from that one."""
        ...

    async def find_dead_letter(self, id: str, died_in: str | None = None) -> Message | None:
        """The dead letter of that id, as in `dead_letters`. None if there is none, or a consumer
        has it in hand.
        """
        ...

    async def requeue(self, letter: Message, again: Message, to: DriverQueue) -> None:
        """Replace a letter that `find_dead_letter` gave by the message `again` in the queue `to`.

        In one step, as `Subscription.bury`. Raises NotHeld if the letter is not where it was; Full
        and KeyTaken, and then it stays.
        """
        ...

    async def drop(self, letter: Message) -> None:
        """Delete a letter that `find_dead_letter` gave. Raises NotHeld as `requeue` does."""
        ...


@runtime_checkable
class ScheduledQueue(Protocol):
    """A driver's queue that remembers which planned times were fired. A driver without says so in
    its kind's `unsupported`, under `schedule`.
    """

    async def fire(self, schedule: str, at: float, message: Message) -> str | None:
        """Publish a message for the planned time `at` of a schedule, unless any program did: then
        the answer is None. Its `unique` key counts running messages too, as in `publish`.

        The message and the time are stored in one step. Raises Full at once, and then the time is
        still to be fired.
        """
        ...

    async def last_fired(self, schedule: str) -> float | None:
        """The latest planned time of a schedule that was fired, in seconds since 1970."""
        ...


async def requeue_elsewhere(again: Message, to: DriverQueue) -> None:
    """Publish a requeued message to a queue of another driver. Raises Full and KeyTaken."""
    id = await to.publish(again, counts_running=True)
    if id != again.id:
        raise key_taken(again, id)


def key_taken(again: Message, id: str) -> KeyTaken:
    """The error for a requeued message whose key the message `id` has."""
    return KeyTaken(
        f"message '{again.id}' cannot be requeued: message '{id}' of its unique key "
        f"'{again.unique}' is unfinished"
    )
