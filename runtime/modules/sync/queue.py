"""queue, for a `def`: as `runtime.modules.queue`, without `await`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.engines.queue.blocking import BlockingDelivery as Message
from runtime.engines.queue.blocking import BlockingQueue as Queue
from runtime.engines.queue.blocking import wait
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.dead_letter import NoDeadLetter, RequeuedTooOften
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Full, Info, KeyTaken, PartialInfo
from runtime.engines.queue.outcome import Reject, Retry
from runtime.engines.queue.status import Progress, Status, UnknownMessage
from runtime.engines.sql.contract import JoinableTransaction
from runtime.modules import queue

__all__ = [
    "Full",
    "Info",
    "InvalidBody",
    "KeyTaken",
    "Message",
    "NoDeadLetter",
    "Progress",
    "Queue",
    "Reject",
    "RequeuedTooOften",
    "Retry",
    "Status",
    "UnknownMessage",
    "cancel",
    "dead_letters",
    "drop",
    "info",
    "message",
    "messages",
    "pause",
    "publish",
    "publish_many",
    "requeue",
    "resume",
    "status",
]


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
    return wait(publishing)


def publish_many(
    id: str,
    bodies: Iterable[Any],
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    priority: int = 0,
    transaction: JoinableTransaction | None = None,
) -> list[str]:
    """Publish a list of JSON values in one step: see `runtime.modules.queue`."""
    publishing = queue.publish_many(
        id, bodies, headers, delay, priority=priority, transaction=transaction
    )
    return wait(publishing)


def info(id: str) -> Info | PartialInfo:
    """The number of messages in a queue: `ready`, `delayed`, `in_flight`, `dead`."""
    return wait(queue.get(id).info())


def status(id: str, message: str) -> Status:
    """The status of a message: see `runtime.modules.queue`."""
    return wait(queue.get(id).status(message))


def cancel(id: str, message: str) -> Status:
    """End a message: see `runtime.modules.queue`."""
    return wait(queue.get(id).cancel(message))


def pause(id: str) -> None:
    """Deliver no message of a queue until `resume`: see `runtime.modules.queue`."""
    wait(queue.get(id).pause())


def resume(id: str) -> None:
    """Deliver the messages of a queue again."""
    wait(queue.get(id).resume())


def dead_letters(id: str, limit: int = 100) -> list[dict[str, Any]]:
    """The oldest messages that died in a queue: see `runtime.modules.queue`."""
    return wait(queue.dead_letters(id, limit))


def requeue(id: str, letter: str | Mapping[str, Any] | Message) -> None:
    """Deliver a message that died in a queue again: see `runtime.modules.queue`."""
    wait(queue.requeue(id, _plain(letter)))


def drop(id: str, letter: str | Mapping[str, Any] | Message) -> None:
    """Delete a message that died in a queue: see `runtime.modules.queue`."""
    wait(queue.drop(id, _plain(letter)))


def message() -> Message:
    """The current message. Raises RuntimeError in a handler that no consumer called."""
    return Message(queue.message())


def messages() -> list[Message]:
    """The messages of the current batch, in the order of the bodies."""
    return [Message(each) for each in queue.messages()]


def _plain(letter: str | Mapping[str, Any] | Message) -> str | Mapping[str, Any] | Delivery:
    return letter.delivery if isinstance(letter, Message) else letter
