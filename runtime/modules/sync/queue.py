"""queue, for a `def`: as `runtime.modules.queue`, without `await`."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from runtime.engines.queue.dead_letter import NoDeadLetter, RequeuedTooOften
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Full, Info, KeyTaken, PartialInfo
from runtime.engines.queue.outcome import Reject, Retry
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers.blocking import wait
from runtime.modules import queue

__all__ = [
    "Full",
    "Info",
    "KeyTaken",
    "Message",
    "NoDeadLetter",
    "Reject",
    "RequeuedTooOften",
    "Retry",
    "dead_letters",
    "drop",
    "info",
    "message",
    "publish",
    "requeue",
]

T = TypeVar("T")


class Message:
    """The message that a `def` handler was called with, to be settled once."""

    __slots__ = ("_delivery",)

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    @property
    def id(self) -> str:
        return self._delivery.id

    @property
    def headers(self) -> dict[str, str]:
        return self._delivery.headers

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._delivery.attempt

    @property
    def max_attempts(self) -> int:
        """The number of attempts that the queue allows."""
        return self._delivery.max_attempts

    @property
    def last_attempt(self) -> bool:
        """True if the message is dead should this attempt fail."""
        return self._delivery.last_attempt

    def ack(self) -> None:
        """Mark the message as done, whatever the handler does next."""
        _wait(self._delivery.ack())

    def nack(self, delay: float | str | None = None) -> None:
        """Mark the attempt as failed: the message is redelivered after `delay`, or after the delay
        of the queue's `retry`.
        """
        _wait(self._delivery.nack(delay))


def publish(
    id: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    unique: str | None = None,
    unique_while: str = "waiting",
    priority: int = 0,
    transaction: JoinableTransaction | None = None,
) -> str:
    """Publish a JSON value to a queue, and wait until it is there: see `runtime.modules.queue`."""
    publishing = queue.publish(
        id,
        body,
        headers,
        delay,
        unique=unique,
        unique_while=unique_while,
        priority=priority,
        transaction=transaction,
    )
    return _wait(publishing)


def info(id: str) -> Info | PartialInfo:
    """The number of messages in a queue: `ready`, `delayed`, `in_flight`, `dead`."""
    return _wait(queue.get(id).info())


def dead_letters(id: str, limit: int = 100) -> list[dict[str, Any]]:
    """The oldest messages that died in a queue: see `runtime.modules.queue`."""
    return _wait(queue.dead_letters(id, limit))


def requeue(id: str, letter: str | Mapping[str, Any] | Message) -> None:
    """Deliver a message that died in a queue again: see `runtime.modules.queue`."""
    _wait(queue.requeue(id, _plain(letter)))


def drop(id: str, letter: str | Mapping[str, Any] | Message) -> None:
    """Delete a message that died in a queue: see `runtime.modules.queue`."""
    _wait(queue.drop(id, _plain(letter)))


def message() -> Message:
    """The current message. Raises RuntimeError in a handler that no consumer called."""
    return Message(queue.message())


def _plain(letter: str | Mapping[str, Any] | Message) -> str | Mapping[str, Any] | Delivery:
    return letter._delivery if isinstance(letter, Message) else letter


def _wait(work: Coroutine[Any, Any, T]) -> T:
    return wait(work, "queue")
