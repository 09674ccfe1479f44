"""queue: publish messages, settle the current one, and take dead letters back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from runtime.codec import decode_or_text
from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue import dead_letter as names
from runtime.engines.queue.batch import Batch
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.dead_letter import NoDeadLetter, RequeuedTooOften, requeues
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.delivery import Delivery as Message
from runtime.engines.queue.driver_queue import Full, Info, KeyTaken, PartialInfo
from runtime.engines.queue.message import Message as Letter
from runtime.engines.queue.outcome import Reject, Retry
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import Progress, Status, UnknownMessage
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers import context
from runtime.service import Unavailable

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
    "get",
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


async def publish(
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
    """Publish a JSON value to the queue with that id; a bare name is one of this namespace.

    `delay` is in seconds, or a text such as `30s`. With `unique`, a key, a queue where a message of
    that key waits accepts no other, and the id of that one is returned; with
    `unique_while="unfinished"` also while it is running. A higher `priority`, from -9 to 9, goes
    first. With `transaction`, the value of `async with
    db.transaction()` or `sql.transaction()`, the message is published when and if that is
    committed: the queue's driver must keep its messages in that database.

    Returns the message's id. Raises LookupError if there is no such entry, TypeError if it is not a
    queue or the body is not JSON (with the offending place), InvalidBody if it does not have the
    shape that the queue's consumers, all typed, ask for, and Full if the queue has no room, at once
    or, with `overflow: wait`, after `overflow_timeout`; uncaught in an HTTP handler, that answers
    503.
    """
    queue = get(id)
    try:
        return await queue.publish(
            body,
            headers,
            delay,
            unique=unique,
            unique_while=unique_while,
            priority=priority,
            transaction=transaction,
        )
    except (Full, Unavailable) as error:
        tell_refusal(queue, error)
        raise


async def publish_many(
    id: str,
    bodies: Iterable[Any],
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    priority: int = 0,
    transaction: JoinableTransaction | None = None,
) -> list[str]:
    """Publish a list of JSON values, with the same headers, delay and priority, in one step.

    Returns the ids of the messages, in the order of the bodies. All of them are published or none;
    RabbitMQ is sent them together and may accept a part, of which the `accepted` of the Full tells
    how many. Raises what `publish` does; the error of a body names its place, `bodies[2]`, and then
    none is published.
    """
    queue = get(id)
    try:
        return await queue.publish_many(
            bodies, headers, delay, priority=priority, transaction=transaction
        )
    except (Full, Unavailable) as error:
        tell_refusal(queue, error)
        raise


async def info(id: str) -> Info | PartialInfo:
    """The number of messages in a queue: `ready`, `delayed`, `in_flight`, `dead`; and whether it is
    `paused`.

    `delayed`, `in_flight` and `paused` are None on a broker, which cannot tell.
    """
    return await get(id).info()


async def status(id: str, message: str) -> Status:
    """The status of the message of that id, which `publish` returned.

    A Status: `id`, `status` (`queued`, `running`, `retrying`, `done`, `dead`, `cancelled`),
    `attempt`, `max_attempts`, the times `published`, `started`, `next`, `ended`, the `progress`
    that its handler told, the `error` of the last attempt that failed, and its `result`. A message
    that is done is told of for as long as `retention` keeps it, a cancelled one for an hour at
    least.

    Raises UnknownMessage, which answers 404 in an HTTP handler.
    """
    return await get(id).status(message)


async def cancel(id: str, message: str) -> Status:
    """End a message. One that waits is gone, and its status `cancelled`.

    One that runs, in whatever program, is cancelled at the next `await` of its handler, and is not
    delivered again; until then its status is `running`, with `cancelling` true. A plain `def` goes
    on, and may look at `message().cancelled`; one with `processes` is ended. If the handler is done
    nevertheless, so is the message. One that has ended stays what it is.

    Returns the status after that. Raises UnknownMessage.
    """
    return await get(id).cancel(message)


async def pause(id: str) -> None:
    """Deliver no message of a queue until `resume`, in all programs, within a second or two.

    Handlers that run go on, and messages are accepted. `queue.driver.sql` keeps it over restarts.
    """
    await get(id).pause()


async def resume(id: str) -> None:
    """Deliver the messages of a queue again."""
    await get(id).resume()


async def dead_letters(id: str, limit: int = 100) -> list[dict[str, Any]]:
    """The oldest messages that died in a queue, in the driver's store or its dead letter queue.

    Each has `id`, `body`, `headers`, `reason` (`rejected`, `attempts`, `crashed`, `invalid`),
    `error`, `attempts`, `requeued` (how often it was), and `published` and `died` in seconds since
    1970. A body that is not JSON is given as text. Raises TypeError for a `limit` that is no int.
    """
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise TypeError(f"'limit' is a number of messages, an int, not {type(limit).__name__}")
    return [_description(letter) for letter in await get(id).dead_letters(limit)]


async def requeue(id: str, letter: str | Mapping[str, Any] | Delivery) -> None:
    """Deliver a message that died in a queue again; its attempts start again.

    `letter` is its id, an item of `dead_letters`, or in a consumer of dead letters `message()`,
    which that settles. The header `x_requeued` counts how often it was done.

    Raises NoDeadLetter if there is none, or another consumer has it in hand; RequeuedTooOften once
    it was requeued `dead_letter.max_requeues` times; KeyTaken if an unfinished message has its
    unique key; Full. Then the letter stays what it is.
    """
    queue = get(id)
    mine = _mine(letter)
    await (queue.requeue(_id_of(letter)) if mine is None else mine.requeue(queue))


async def drop(id: str, letter: str | Mapping[str, Any] | Delivery) -> None:
    """Delete a message that died in a queue. Takes what `requeue` does, and raises NoDeadLetter."""
    queue = get(id)
    mine = _mine(letter)
    await (queue.drop(_id_of(letter)) if mine is None else mine.drop(queue))


def message() -> Delivery:
    """The current message. Raises RuntimeError in a handler that no consumer called."""
    call = context.call()
    if isinstance(call.subject, Batch):
        raise RuntimeError(f"'{call.entry}' was called with a batch; write queue.messages()")
    if not isinstance(call.subject, Delivery):
        raise RuntimeError(f"there is no message here; '{call.entry}' was not called by a consumer")
    return call.subject


def messages() -> list[Delivery]:
    """The messages of the current batch, in the order of the bodies; of a consumer without `batch`,
    the current one. Raises RuntimeError as `message` does.
    """
    subject = context.call().subject
    return [*subject.deliveries] if isinstance(subject, Batch) else [message()]


def get(id: str) -> Queue:
    """The queue itself. Raises LookupError and TypeError as `publish` does."""
    call = context.call()
    component = call.scope.component(id, call.entry.namespace)
    if isinstance(component, Subscriber):
        return component.queue
    if not isinstance(component, Queue):
        raise TypeError(f"'{id}' is no queue; name an entry of kind queue.queue")
    return component


def tell_refusal(queue: Queue, error: Full | Unavailable) -> None:
    """Log that a queue refused, unless a client is told."""
    call = context.call()
    ids = call.subject.log_ids
    if "request_id" not in ids:  # an answer of 503 is logged as such
        queue.refusals.refused(error, str(call.entry), ids)


def _mine(letter: object) -> Delivery | None:
    """The delivery that a handler means, if it means its own message."""
    if isinstance(letter, Delivery):
        return letter
    subject, id = context.call().subject, _id_of(letter)
    mine = subject.deliveries if isinstance(subject, Batch) else [subject]
    return next((each for each in mine if isinstance(each, Delivery) and each.id == id), None)


def _id_of(letter: object) -> str:
    id = letter.get("id") if isinstance(letter, Mapping) else letter
    if not isinstance(id, str):
        raise TypeError(
            f"a dead letter is of type {type(letter).__name__}; give its id, an item of "
            "'dead_letters', or 'message()'"
        )
    return id


def _description(letter: Letter) -> dict[str, Any]:
    headers = dict(letter.headers)
    attempts = headers.get(names.ATTEMPTS, "")
    return {
        "id": letter.id,
        "body": decode_or_text(letter.body),
        "headers": headers,
        "reason": headers.get(names.REASON),
        "error": headers.get(names.ERROR),
        "attempts": int(attempts) if attempts.isdecimal() else None,
        "requeued": requeues(headers),
        "published": letter.published,
        "died": _seconds(headers.get(names.TIME)),
    }


def _seconds(time: str | None) -> float | None:
    try:
        return datetime.fromisoformat(time or "").timestamp()
    except ValueError:
        return None
