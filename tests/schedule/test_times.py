"""Planned times, at the changes of every time zone too, against an oracle written apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest

from runtime.engines.schedule.times import (
    CronTimes,
    IntervalTimes,
    InvalidExpression,
    InvalidZone,
    latest,
    shown,
)
from tests.schedule.cron_oracle import Expression, planned, transitions

YEARS = 2024, 2028
AROUND = timedelta(hours=15)
EXPRESSIONS = (
    "30 2 * * *",
    "0 2,3 * * *",
    "15 0-4 * * *",
    "0 0 * * *",
    "59 1 * * SUN",
    "30 1 * 3,10,11 *",
    "0 */3 * * *",
    "*/20 * * * *",
    "*/15 2 * * *",
    "30 * * * *",
    "5,35 1-3/2 * * 0,6",
    "0 3 1-31 * MON-SAT",
)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def first(times: CronTimes | IntervalTimes, after: str, count: int) -> list[str]:
    return [shown(each) for each in islice(times.after(at(after)), count)]


def zones_that_differ() -> dict[tuple[datetime, ...], str]:
    """A zone for each list of changes and offset: most have the same as some other."""
    zones = {}
    for name in sorted(available_timezones()):
        changes = transitions(ZoneInfo(name), *YEARS)
        offset = datetime(2024, 1, 1, tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset()
        if changes:
            zones.setdefault((offset, *changes), name)
    return zones


@pytest.mark.slow
def test_every_change_of_every_zone_from_2024_to_2028() -> None:
    oracles = {text: Expression(text) for text in EXPRESSIONS}
    wrong = []
    windows = 0
    for (_, *changes), name in zones_that_differ().items():
        zone = ZoneInfo(name)
        ours = {text: CronTimes(text, name) for text in EXPRESSIONS}
        for change in changes:
            begin, end = change - AROUND, change + AROUND
            for text, oracle in oracles.items():
                windows += 1
                expected = planned(oracle, zone, begin, end)
                last = end.timestamp()
                found = [*takewhile(lambda each: each <= last, ours[text].after(begin.timestamp()))]  # noqa: B023
                if found != expected:
                    wrong.append((name, text, [*map(shown, found)], [*map(shown, expected)]))
    assert wrong == []
    assert windows > 3000


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28T12:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        ("2026-10-24T12:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        # a start within the hour that comes twice, after the first time
        ("2026-10-25T01:10Z", ["2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"]),
    ],
)
def test_half_past_two_in_berlin_is_there_once_a_day(after: str, expected: list[str]) -> None:
    assert first(CronTimes("30 2 * * *", "Europe/Berlin"), after, 2) == expected


def test_a_skipped_time_that_falls_on_another_planned_one_is_planned_once() -> None:
    times = CronTimes("0 2,3 * * *", "Europe/Berlin")

    assert first(times, "2026-03-29T00:00Z", 2) == ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]


def test_days_of_the_month_and_of_the_week() -> None:
    assert first(CronTimes("0 9 1 * 1", "UTC"), "2026-11-28T00:00Z", 3) == [
        "2026-11-30T09:00:00Z",
        "2026-12-01T09:00:00Z",
        "2026-12-07T09:00:00Z",
    ]
    assert first(CronTimes("0 0 L * *", "UTC"), "2026-11-28T00:00Z", 1) == ["2026-11-30T00:00:00Z"]
    assert first(CronTimes("0 0 * * 5#2", "UTC"), "2026-11-28T00:00Z", 1) == [
        "2026-12-11T00:00:00Z"
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30 2 * *", "it has 4 fields, not 5"),
        ("0 30 2 * * *", "it has 6 fields, not 5"),
        ("", "it has 0 fields"),
        ("61 * * * *", "its minute means nothing"),
        ("* * * * FUNDAY", "its day of week means nothing"),
        ("0 0 31 2 *", "its day of month means nothing"),
        ("0 0 30 2 *", "its day of month means nothing"),
        ("@daily", "it has 1 fields"),
    ],
)
def test_what_means_nothing_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidExpression, match=why):
        CronTimes(text, "UTC")


@pytest.mark.parametrize("zone", ["Europe/Berlim", "../../etc/passwd", "Europe", "", "a\0b"])
def test_a_zone_that_is_not_there_is_refused(zone: str) -> None:
    with pytest.raises(InvalidZone):
        CronTimes("* * * * *", zone)


def test_intervals_are_counted_from_1970_so_that_programs_agree() -> None:
    assert first(IntervalTimes(900), "2026-11-28T02:14:59Z", 2) == [
        "2026-11-28T02:15:00Z",
        "2026-11-28T02:30:00Z",
    ]
    assert first(IntervalTimes(900), "2026-11-28T02:15:00Z", 1) == ["2026-11-28T02:30:00Z"]
    odd = IntervalTimes(1.1)
    several = [*islice(odd.after(at("2026-11-28T02:15Z")), 1000)]
    assert several == [next(odd.after(each)) for each in [at("2026-11-28T02:15Z"), *several[:-1]]]


@pytest.mark.parametrize("every", [1.0, 7.0, 3600.0, 86400.0 * 30])
def test_the_latest_one_of_many_is_found_from_the_end(every: float) -> None:
    times, now = IntervalTimes(every), at("2026-11-28T02:15:00.5Z")

    assert latest(times, now - 40 * 86400, now) == now // every * every
    assert latest(times, now - 0.2, now) is None


def test_words() -> None:
    assert CronTimes("30 2 * * 1-5", "Europe/Berlin").words() == (
        "at 02:30 on Monday through Friday, Europe/Berlin"
    )
    assert IntervalTimes(900).words() == "every 15m"
