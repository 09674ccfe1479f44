"""Words: numbers, times and sizes as people say them."""

from __future__ import annotations

from datetime import datetime

from runtime.units import format_count, format_duration, parse_time

NONE = "–"


def count(value: int | None, *, capped: bool = False) -> str:
    """`1,204`, or `10,000+` if counting stopped there."""
    return NONE if value is None else f"{value:,}{'+' if capped else ''}"


def rate(value: float) -> str:
    """A number a second: `19.8`, `0.02`."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 0.1 or value == 0:
        return f"{value:.1f}" if value else "0"
    return f"{value:.2f}" if value >= 0.01 else "<0.01"


def duration(seconds: float | None) -> str:
    """`2.3 ms`, `44.2 s`, `6 d 3 h`."""
    if seconds is None:
        return NONE
    if seconds < 3600:
        return format_duration(seconds)
    hours = int(seconds // 3600)
    if hours < 24:
        return f"{hours} h {int(seconds % 3600 // 60)} min"
    return f"{hours // 24} d {hours % 24} h"


def age(seconds: float) -> str:
    """A duration as one says it of something that is past or to come: `6.3 s`, `44 s`."""
    return duration(round(max(0.0, seconds), 1 if seconds < 10 else 0))


def parts(seconds: float | None) -> tuple[str, str]:
    """A duration's number and unit: `2.3`, `ms`."""
    number, _, unit = duration(seconds).partition(" ")
    return number, unit


def size(octets: int) -> str:
    """`148 bytes`, `42 MB`."""
    if octets < 1000:
        return format_count(octets, "byte")
    for unit in ("kB", "MB", "GB"):
        octets_of = {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]
        if octets < octets_of * 1000 or unit == "GB":
            return f"{octets / octets_of:.3g} {unit}"
    return NONE


def seconds_of(text: str) -> float | None:
    """A time in ISO 8601 in seconds since 1970; None for other text."""
    try:
        return parse_time(text)
    except ValueError:
        return None


def moment(at: float | str | None, now: float) -> str:
    """A time of day, with its date unless that is today: `02:13:02`, `21 Nov 02:13`."""
    if isinstance(at, str):
        at = seconds_of(at)
    if at is None:
        return NONE
    local = datetime.fromtimestamp(at).astimezone()
    if local.date() == datetime.fromtimestamp(now).astimezone().date():
        return f"{local:%H:%M:%S}"
    return f"{local.day} {local:%b %H:%M}"


def since(text: str, now: float) -> str:
    """The time that has passed since a time of a snapshot."""
    at = seconds_of(text)
    return NONE if at is None else duration(max(0.0, now - at))


def ago(text: str, now: float) -> str:
    """The same, as one says it."""
    at = seconds_of(text)
    return NONE if at is None else age(now - at)


def until(text: str, now: float) -> str:
    """The time that is left until one to come."""
    at = seconds_of(text)
    return NONE if at is None else age(at - now)
