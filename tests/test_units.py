"""Durations and sizes, read and written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.units import format_duration, format_size, parse_duration


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


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (812, "812 B"),
        (4_300, "4.2 KiB"),
        (147_456, "144 KiB"),
        (1_023_999, "1000 KiB"),
        (1_024_000, "1.0 MiB"),
        (35_651_584, "34 MiB"),
        (5 * 2**40, "5.0 TiB"),
        (5_000 * 2**40, "5000 TiB"),
    ],
)
def test_a_size_is_written_in_its_largest_unit(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    "text", ["1000000h", "10000000m", "999999h" * 5, "1h" * 5, "1234567890s", "1 h", ""]
)
def test_what_is_no_duration_is_none_in_a_manifest_either(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
    assert not re.search(_pattern(), text)


@pytest.mark.parametrize("text", ["999999h" * 4, "999999999.999999999s", "1m30s", "30s1h"])
def test_the_longest_duration_ends_at_a_time_that_databases_know(text: str) -> None:
    assert re.search(_pattern(), text)
    end = datetime.fromtimestamp(2e9 + parse_duration(text), UTC)
    assert end.year < 2600


def _pattern() -> str:
    schema = json.loads(Path("schemas/entry.schema.json").read_text(encoding="utf-8"))
    pattern: str = schema["$defs"]["duration"]["pattern"]
    return pattern
