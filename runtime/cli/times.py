"""Times: moments as a person at a terminal reads them, in local time."""

from __future__ import annotations

from datetime import datetime
from time import time

from runtime.units import format_duration


def moment(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-28 07:20:05`."""
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")


def ago(seconds: float) -> str:
    """The same as `3m 5s ago`."""
    return f"{format_duration(max(0.0, time() - seconds))} ago"
