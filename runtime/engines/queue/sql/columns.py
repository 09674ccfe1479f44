"""Columns: values as every store keeps them in its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping

from runtime.engines.queue.message import NO_HEADERS

LATEST = 2**63 - 1
"""Microseconds since 1970: the largest integer of a row."""


def micros(seconds: float) -> int:
    """Microseconds of a number of seconds."""
    # A larger number, as of a `retry.max_delay` without end, would not fit and fail the batch.
    return int(min(seconds * 1_000_000, LATEST))


def from_micros(value: int | None) -> float | None:
    """Seconds of a number of microseconds; None of none."""
    return None if value is None else value / 1_000_000


def seconds_until(due: float, now: float) -> float:
    """Seconds between two times since 1970, at least 0, to the microsecond.

    Such times are floats of some 0.2 microseconds, by which a timer would be early.
    """
    return max(0.0, round(due - now, 6))


def encode_headers(headers: Mapping[str, str]) -> str:
    """Headers as a row's text."""
    return json.dumps(dict(headers), ensure_ascii=False) if headers else ""


def decode_headers(headers: str) -> Mapping[str, str]:
    """Headers of a row's text."""
    return json.loads(headers) if headers else NO_HEADERS
