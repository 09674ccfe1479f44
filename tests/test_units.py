"""Durations as people read them, which a manifest takes too if they are of one unit."""

from __future__ import annotations

import pytest

from runtime.units import format_duration, parse_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"),
        (0.25, "250 ms"),
        (3.21, "3.21 s"),
        (74, "1m 14s"),
        (900, "15m"),
        (3_600, "1h"),
        (5_425, "1h 30m"),
        (608_400, "169h"),
    ],
)
def test_a_duration_has_two_units_at_most_and_no_zeros(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [60, 900, 3_600, 608_400])
def test_a_duration_that_is_advised_may_be_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
