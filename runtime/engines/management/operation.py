"""Operation: something that management has the application do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from runtime.engines.management.snapshot import Blocked
from runtime.units import format_duration

PATIENCE = 2.0
"""Seconds in which the main loop must begin what it is asked for."""
LIMIT = 30.0
"""Seconds in which it must have ended."""

Operation = Callable[..., Awaitable[Any]]
"""Runs on the application's main loop. Its arguments are given by name; they and its result are
values for JSON. It may raise LookupError for what does not exist, and ValueError for what cannot be
done; their texts are for the user.
"""


class LoopBlocked(Exception):
    """The main loop did not begin what it was asked for, and will not do it later either.

    The text says what has kept it.
    """

    def __init__(self, blocked: Blocked) -> None:
        where = f" at {blocked.where}" if blocked.where else ""
        since = format_duration(blocked.seconds)
        super().__init__(f"{blocked.entry or 'something'} has kept it for {since}{where}")
        self.blocked = blocked


class Refused(Exception):
    """An operation was not done; `status` is that of an HTTP response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
