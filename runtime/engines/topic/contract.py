"""The contract of what carries the values of a topic from one program to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from runtime.service import Ready

Deliver = Callable[[bytes], None]
"""Gives a value, as JSON, to the listeners of this program."""


class Broadcast(Protocol):
    """Carries the values of one topic. Each reaches every other program that runs, or is missed."""

    async def run(self, ready: Ready, stop: asyncio.Event, deliver: Deliver) -> None:
        """Receive until the stop. Raises Unavailable if the database is lost."""
        ...

    async def send(self, body: bytes) -> None:
        """Send to the other programs, not to this one. Raises Unavailable."""
        ...
