"""events, for a `def`: `publish` and `send` block. To listen takes an `async def`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engines.event.pattern import InvalidTopic
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.driver_queue import Full
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers.blocking import wait
from runtime.modules import events
from runtime.modules.events import topic

__all__ = ["Full", "InvalidBody", "InvalidTopic", "publish", "send", "topic"]


def publish(
    topic: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    delay: float | str | None = None,
    *,
    transaction: JoinableTransaction | None = None,
) -> dict[str, str]:
    """Publish an event, and wait until all subscribers have it: see `runtime.modules.events`."""
    return wait(
        events.publish(topic, body, headers, delay, transaction=transaction), "events.publish"
    )


def send(id: str, value: Any) -> None:
    """Send a JSON value to all that listen to a topic, as `runtime.modules.events.send` does."""
    wait(events.send(id, value), "events.send")
