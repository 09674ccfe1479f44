"""events, for a `def`: `send` blocks. To listen takes an `async def`."""

from __future__ import annotations

from typing import Any

from runtime.handlers.blocking import wait
from runtime.modules import events

__all__ = ["send"]


def send(id: str, value: Any) -> None:
    """Send a JSON value to all that listen to a topic, as `runtime.modules.events.send` does."""
    wait(events.send(id, value), "events.send")
