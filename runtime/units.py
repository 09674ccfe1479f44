"""Units: durations, sizes and rates as written in a manifest."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Of at most 115 years a part: all databases and calendars know the time that is so far from now.
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_DIGITS = {"ms": 9, "s": 9, "m": 7, "h": 6}
_MOST_PARTS = 4
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(B|KB|MB|GB|KiB|MiB|GiB)")
_RATE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})?(ms|s|m|h|d)")
_BYTES = {
    **{"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
}


def parse_duration(text: str) -> float:
    """Convert `500ms`, `10s` or `1h30m` to seconds. Raises ValueError for any other form."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"'{text}' is not a duration; write 500ms, 10s or 1h30m")
    digits = ((len(number.partition(".")[0]), _DIGITS[unit]) for number, unit in parts)
    if len(parts) > _MOST_PARTS or any(given > most for given, most in digits):
        raise ValueError(f"'{text}' is too long for a duration; write hours of up to six digits")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_size(text: str) -> int:
    """Convert `512B`, `64KiB` or `10MiB` to bytes. Raises ValueError for any other form."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a size; write 512B, 64KiB or 10MiB")
    return int(float(match[1]) * _BYTES[match[2]])


def parse_rate(text: str) -> tuple[int, float]:
    """Convert `5/s`, `100/m` or `10/30s` to a number and the seconds in which it may be. Raises
    ValueError for any other form.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a rate; write 5/s, 100/m or 10/30s")
    seconds = _SECONDS | {"d": 86400.0}
    return int(match[1]), int(match[2] or 1) * seconds[match[3]]


def format_duration(seconds: float) -> str:
    """Format a duration for people: `0.4 ms`, `12 ms`, `3.2 s`, `2m 5s`, `15m`, `1h 30m`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m")) if hours else ((minutes, "m"), (rest, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count)


def format_count(count: int, noun: str, several: str | None = None) -> str:
    """Format a number of things for people: `1 message`, `1,204 messages`; `several` is the plural
    if that is not the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def format_size(size: int) -> str:
    """Format a number of bytes for people: `812 B`, `4.2 KiB`, `34 MiB`."""
    if size < 1024:
        return f"{size} B"
    amount, unit = size / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def format_time(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-21T01:10:02.114Z`, as JSON has times."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """A time in ISO 8601, in UTC if it has no offset, in seconds since 1970.

    Raises ValueError, also for a time that is in the calendar of some time zones only.
    """
    found = datetime.fromisoformat(text)
    if not 1 < found.year < 9999:
        raise ValueError(f"there is no year {found.year} here: {text}")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
