"""Line: the messages of one queue, as its driver keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runtime.engines.queue.message import Message
from runtime.engines.sql.contract import JoinableTransaction


class Full(Exception):
    """A queue holds as many messages as its `max_length` allows."""

    http_status = 503
    """How an HTTP server answers, if nobody catches this."""
    retry_after = 1.0
    """Seconds after which it makes sense to try again."""


class Closed(Exception):
    """A subscription was closed; nothing more is received through it."""


class NotHeld(Exception):
    """A hand-out that is no longer the holder's: settled before, or its lease was lost."""


class Info(msgspec.Struct, frozen=True):
    """How many messages a queue holds, by where they are."""

    ready: int
    delayed: int
    in_flight: int
    dead: int
    """In the driver's own store; those moved to a dead letter queue are counted there."""


class Subscription(Protocol):
    """One consumer's hold on a line. Made by `DriverQueue.subscribe`; belongs to one event loop.

    Each received message is settled exactly once, by `ack`, `retry`, `release` or `bury`, in any
    order and by any task, also after `close`. Settling what is not held (settled before, or lost
    because a lease ran out) raises NotHeld and changes nothing. None of these needs a free slot.
    A driver that lost its storage raises Unavailable or its own error, out of every method.
    """

    def take(self) -> Message | None:
        """The next message as `receive` gives it, if that need not wait; None else."""
        ...

    async def receive(self) -> Message:
        """The next message, the highest priority first and then the oldest, its `attempt` already
        counted and stored.

        Waits until there is one. May be awaited by many tasks at once; a cancelled wait loses no
        message. A driver may claim up to the subscription's `prefetch` messages ahead. After
        `close`, or when it happens during the wait, raises Closed.
        """
        ...

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        """Done: the message is forgotten; with `transaction`, when and if that is committed.

        A driver that cannot do the latter says so in its kind's `unsupported`, and is not asked to.
        """
        ...

    async def retry(self, message: Message, delay: float) -> None:
        """Failed: ready again after `delay` seconds, behind what is ready by then."""
        ...

    async def release(self, messages: Sequence[Message]) -> None:
        """Given back: ready at once, in front, in the order given, the attempt not spent.

        Ignores messages that are not held: this is the last act of a consumer that must stop.
        """
        ...

    async def bury(self, message: Message, letter: Message, to: DriverQueue | None) -> None:
        """Dead: `letter` goes to the line `to`, or to this driver's own store, in place of it.

        One step if both lines are of one driver that can; else the letter is accepted there
        before it is forgotten here, so that a crash between the two makes it twice, not lost.
        """
        ...

    async def close(self) -> None:
        """Claim nothing more; what was claimed ahead goes back, its attempt not spent.

        What was received stays held until it is settled. May be called twice.
        """
        ...


class DriverQueue(Protocol):
    """One queue of a driver. Made by `Driver.declare`, without side effects beyond memory.

    May be published to before the driver's service is ready: a driver that cannot take a message
    then raises Unavailable, and never takes one that it may forget.
    """

    @property
    def name(self) -> str:
        """The queue's name on its driver."""
        ...

    async def publish(
        self, message: Message, delay: float = 0.0, transaction: JoinableTransaction | None = None
    ) -> str:
        """Take a message; it is received `delay` seconds from now at the earliest.

        The id of the message that is there for it: of one with the same `unique` key that is ready,
        delayed or in flight, in which case nothing is taken; else its own.

        Returns when the message is as safe as this driver makes it, or with `transaction`, one of
        the database that keeps the messages, when it will be if that is committed. Raises Full at
        once, without waiting, if ready, delayed and in flight together have reached `max_length`;
        ValueError for a transaction that is not of this driver's database.
        """
        ...

    async def accept(self, letter: Message) -> None:
        """Take a dead letter of another line: as `publish`, but never Full."""
        ...

    def subscribe(self, prefetch: int) -> Subscription:
        """A hold for a consumer that wants at most `prefetch` messages claimed ahead; with 0, only
        what is received at once is claimed.
        """
        ...

    async def info(self) -> Info: ...

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        """The oldest dead letters in the driver's own store."""
        ...
