"""events: tell what happened, to those who subscribe to it, or to whoever listens now.

await events.publish("order.paid", {"order": 7})

await events.send("app:news", {"title": "…"})

async for value in events.listen("app:news"):
    yield value
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engines.event.pattern import InvalidTopic
from runtime.engines.event.subscribers import TOPIC, subscribers
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.driver_queue import Full
from runtime.engines.sql.contract import JoinableTransaction
from runtime.engines.topic.listening import Listening
from runtime.engines.topic.topic import Topic
from runtime.handlers import context
from runtime.handlers.context import component
from runtime.modules import queue
from runtime.service import Unavailable

__all__ = [
    "Full",
    "InvalidBody",
    "InvalidTopic",
    "Listening",
    "Topic",
    "listen",
    "publish",
    "send",
    "topic",
]


async def publish(
    topic: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    transaction: JoinableTransaction | None = None,
) -> dict[str, str]:
    """Publish a JSON value to every `event.subscriber` one of whose patterns matches the topic.

    A topic is words with dots between them. Each subscriber gets one message in its own queue,
    with the topic in the header `x_topic`; those whose messages are in one database get it in one
    transaction, all of them or none. `delay` and `transaction` are as for `queue.publish`.

    Returns the message's id for each subscriber, by the subscriber's id; an empty dict if nobody
    subscribes, which the log says once. Raises InvalidTopic, and all that `queue.publish` raises of
    a body and of a queue.
    """
    call = context.call()
    known = subscribers(call.scope)
    found = known.of(topic)
    if not found:
        known.tell_unwanted(topic, str(call.entry))
        return {}
    try:
        return await known.publish(topic, body, headers, delay, transaction)
    except (Full, Unavailable) as error:
        queue.tell_refusal(found[0].queue, error)
        raise


def topic() -> str:
    """The topic of the event that is being handled.

    Raises RuntimeError in a handler that was not called with an event.
    """
    found = queue.message().headers.get(TOPIC)
    if found is None:
        raise RuntimeError("the message that is being handled is no event: it has no topic")
    return found


async def send(id: str, value: Any) -> None:
    """Send a JSON value to all that listen to a topic now, in all programs on its database.

    Raises LookupError for an unknown entry, TypeError for one that is no topic and for a value that
    is not JSON, ValueError for one that is too long, and Unavailable.
    """
    await _topic(id).send(value)


def listen(id: str) -> Listening:
    """The values of a topic from now on, for one task: `async for value in events.listen(id)`.

    They end when the application stops. Raises LookupError and TypeError as `send` does.
    """
    return _topic(id).listen()


def _topic(id: str) -> Topic:
    topic: Topic = component(id, "topic", "event.topic", "listen")
    return topic
