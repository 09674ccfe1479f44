"""Delay: the time until a message may be delivered, as a handler gives it."""

from __future__ import annotations

import math

from runtime.units import parse_duration

YEARS = 10
"""The longest delay: a longer one was meant in another unit, or as a time of day."""


def seconds(value: float | str) -> float:
    """Seconds of `30`, `0.5` or `"1h30m"`. Raises ValueError or TypeError."""
    if isinstance(value, str):
        return _check_length(parse_duration(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(
            f"a delay is of type {type(value).__name__}, not seconds or a text such as 30s"
        )
    if not value >= 0 or value == math.inf:
        raise ValueError(f"a delay is {value}, not 0 seconds or more")
    return float(_check_length(value))


def _check_length(value: float) -> float:
    if value > YEARS * 365 * 86_400:
        raise ValueError(f"a delay is more than {YEARS} years; write seconds from now, or 30s")
    return value
