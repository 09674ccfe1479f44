"""queue: publish messages, and settle the current one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.codec import InvalidJSON, decode
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Full, Info
from runtime.engines.queue.outcome import Reject, Retry
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers import context

__all__ = [
    "Full",
    "Info",
    "Reject",
    "Retry",
    "dead_letters",
    "get",
    "info",
    "message",
    "publish",
]


async def publish(
    id: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    unique: str | None = None,
    priority: int = 0,
    transaction: JoinableTransaction | None = None,
) -> str:
    """Publish a JSON value to the queue with that id; a bare name is one of this namespace.

    `delay` is in seconds, or a text such as `30s`. With `unique`, a key, a queue that has an
    unfinished message of that key accepts no other, and the id of that one is returned. A higher
    `priority`, from -9 to 9, goes first. With `transaction`, the value of `async with
    db.transaction()` or `sql.transaction()`, the message is published when and if that is
    committed: the queue's driver must keep its messages in that database.

    Returns the message's id. Raises LookupError if there is no such entry, TypeError if it is not a
    queue or the body is not JSON (with the offending place), and Full at once if the queue has no
    room; uncaught in an HTTP handler, that answers 503.
    """
    queue = get(id)
    return await queue.publish(
        body, headers, delay, unique=unique, priority=priority, transaction=transaction
    )


async def info(id: str) -> Info:
    """The number of messages in a queue: `ready`, `delayed`, `in_flight`, `dead`."""
    return await get(id).info()


async def dead_letters(id: str, limit: int = 100) -> list[dict[str, Any]]:
    """The oldest messages that died in a queue that has no dead letter queue.

    Each has `id`, `body`, `headers` (with the reason of its death) and `published`, in seconds
    since 1970. A body that is not JSON is given as text.
    """
    return [
        {
            "id": dead_letter.id,
            "body": _decode_or_text(dead_letter.body),
            "headers": dict(dead_letter.headers),
            "published": dead_letter.published,
        }
        for dead_letter in await get(id).dead_letters(limit)
    ]


def message() -> Delivery:
    """The current message. Raises RuntimeError in a handler that no consumer called."""
    call = context.call()
    if not isinstance(call.subject, Delivery):
        raise RuntimeError(f"there is no message here; '{call.entry}' was not called by a consumer")
    return call.subject


def get(id: str) -> Queue:
    """The queue itself. Raises LookupError and TypeError as `publish` does."""
    call = context.call()
    component = call.scope.component(id, call.entry.namespace)
    if not isinstance(component, Queue):
        raise TypeError(f"'{id}' is no queue; name an entry of kind queue.queue")
    return component


def _decode_or_text(body: bytes) -> Any:
    try:
        return decode(body)
    except InvalidJSON:
        return body.decode(errors="replace")
