"""events: tell what happened to whoever listens.

await events.send("app:news", {"title": "…"})

async for value in events.listen("app:news"):
    yield value
"""

from __future__ import annotations

from typing import Any

from runtime.engines.topic.listening import Listening
from runtime.engines.topic.topic import Topic
from runtime.handlers.context import component

__all__ = ["Listening", "Topic", "listen", "send"]


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
