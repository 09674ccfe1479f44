"""Times: moments as a person at a terminal reads them, in local time."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time

from runtime.units import format_duration


def moment(at: float | str) -> str:
    """A time as `2026-11-28 07:20:05`. It is given in seconds since 1970, or as the JSON of
    `--json` has it, ISO 8601, in UTC if it has no offset; other text stays as it is.
    """
    if isinstance(at, str):
        try:
            found = datetime.fromisoformat(at)
        except ValueError:
            return at
        at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return datetime.fromtimestamp(at).isoformat(" ", "seconds")


def ago(seconds: float) -> str:
    """The same as `3m 5s ago`."""
    return f"{format_duration(max(0.0, time() - seconds))} ago"
