"""Delay: how long a message waits, as a handler says it."""

from __future__ import annotations

import math

from runtime.quantity import duration


def seconds(value: float | str) -> float:
    """Seconds of `30`, `0.5` or `"1h30m"`. Raises ValueError or TypeError."""
    if isinstance(value, str):
        return duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a delay is of type {type(value).__name__}, not seconds or a text as 30s")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"a delay is {value}, not 0 seconds or more")
    return float(value)
