"""Blocking: a queue and a message as a plain `def` handler has them, whose calls block."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Info, PartialInfo
from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import Status
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers import blocking

T = TypeVar("T")


class BlockingDelivery:
    """The message that a `def` handler was called with, to be settled once."""

    __slots__ = ("delivery",)

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @property
    def id(self) -> str:
        return self.delivery.id

    @property
    def headers(self) -> dict[str, str]:
        return self.delivery.headers

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.delivery.attempt

    @property
    def max_attempts(self) -> int:
        """The number of attempts that the queue allows."""
        return self.delivery.max_attempts

    @property
    def last_attempt(self) -> bool:
        """True if the message is dead should this attempt fail."""
        return self.delivery.last_attempt

    @property
    def cancelled(self) -> bool:
        """True if somebody has cancelled the message: the handler may return or raise."""
        return self.delivery.cancelled

    def progress(self, part: float, text: str | None = None) -> None:
        """Tell how far the handler has come, from 0 to 1, for `queue.status`; at little cost."""
        self.delivery.progress(part, text)

    def ack(self, result: Any = None) -> None:
        """Mark the message as done, whatever the handler does next. A `result` is kept as one that
        a handler returns.
        """
        wait(self.delivery.ack(result))

    def nack(self, delay: float | str | None = None) -> None:
        """Mark the attempt as failed: the message is redelivered after `delay`, or after the delay
        of the queue's `retry`.
        """
        wait(self.delivery.nack(delay))


class BlockingQueue:
    """A queue, for an annotation of a `def` handler."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.id = queue.id

    def publish(
        self,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        unique: str | None = None,
        unique_while: str = "waiting",
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> str:
        """Publish a JSON value, and wait until it is there: see `Queue.publish`."""
        publishing = self._queue.publish(
            body,
            headers,
            delay,
            unique=unique,
            unique_while=unique_while,
            priority=priority,
            transaction=transaction,
        )
        return wait(publishing)

    def publish_many(
        self,
        bodies: Iterable[Any],
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> list[str]:
        """Publish JSON values in one step, and wait until they are there."""
        publishing = self._queue.publish_many(
            bodies, headers, delay, priority=priority, transaction=transaction
        )
        return wait(publishing)

    def info(self) -> Info | PartialInfo:
        """The number of messages in each state, as far as the driver can tell."""
        return wait(self._queue.info())

    def status(self, id: str) -> Status:
        """The status of the message of that id."""
        return wait(self._queue.status(id))

    def cancel(self, id: str) -> Status:
        """End the message of that id."""
        return wait(self._queue.cancel(id))

    def pause(self) -> None:
        """Deliver nothing until `resume`, in all programs."""
        wait(self._queue.pause())

    def resume(self) -> None:
        """Deliver again."""
        wait(self._queue.resume())

    def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        """The oldest messages that died here."""
        return wait(self._queue.dead_letters(limit))

    def requeue(self, id: str) -> None:
        """Deliver the dead letter of that id here again."""
        wait(self._queue.requeue(id))

    def drop(self, id: str) -> None:
        """Delete the dead letter of that id."""
        wait(self._queue.drop(id))


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the event loop, and block this thread until it is done."""
    return blocking.wait(work, "queue")
