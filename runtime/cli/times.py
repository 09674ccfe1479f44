"""Times: moments as a person at a terminal reads them, in local time."""

from __future__ import annotations

from datetime import datetime
from time import time

from runtime.units import format_duration, parse_time


def moment(at: str) -> str:
    """A time of JSON, ISO 8601, as `2026-11-28 07:20:05`. Other text stays as it is."""
    try:
        return datetime.fromtimestamp(parse_time(at)).isoformat(" ", "seconds")
    except ValueError:
        return at


def ago(at: str) -> str:
    """The same as `3m 5s ago`."""
    return f"{format_duration(max(0.0, time() - parse_time(at)))} ago"
