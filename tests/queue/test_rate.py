"""A rate is never exceeded, in whatever window, and nearly reached, however late one asks."""

from __future__ import annotations

import random

import pytest

from runtime.engines.queue.rate import LAG, Grants, Rate
from runtime.units import parse_rate

NOW = 1_700_000_000.0
RATES = [(1, 1.0), (5, 1.0), (50, 1.0), (1000, 1.0), (100, 60.0), (3, 10.0), (7, 0.05)]


def begun(rate: Rate, seconds: float, late: float, seed: int) -> list[float]:
    """When messages began in that time, of which there are always enough, by a consumer that asks
    up to `late` seconds after it might.
    """
    chance = random.Random(seed)
    now, times = NOW, []
    record: str | None = None
    while now < NOW + seconds:
        grants = Grants.decode(record)
        count = grants.allowed(rate, now)
        grants.take(rate, now, count)
        times += [now] * count
        record = grants.encode()
        now += grants.wait(rate, now) + chance.random() * late
    return times


def most_in_a_window(times: list[float], per: float) -> int:
    first = most = 0
    for index, time in enumerate(times):
        while times[first] <= time - per + 2e-6:
            first += 1
        most = max(most, index - first + 1)
    return most


@pytest.mark.parametrize(("limit", "per"), RATES)
@pytest.mark.parametrize("late", [0.0, 0.004, 0.03, 0.5])
def test_no_window_has_more_than_the_limit(limit: int, per: float, late: float) -> None:
    rate = Rate(limit=limit, per=per)

    assert most_in_a_window(begun(rate, 5 * per, late, limit), per) <= limit


@pytest.mark.parametrize(("limit", "per"), RATES)
def test_a_consumer_that_is_a_little_late_reaches_the_rate(limit: int, per: float) -> None:
    rate = Rate(limit=limit, per=per)
    times = begun(rate, 20 * per, min(LAG / 10, rate.interval), limit)

    assert len(times) >= 0.95 * 20 * limit


def test_messages_begin_evenly_also_after_a_pause() -> None:
    rate, grants = Rate(limit=5, per=1.0), Grants()
    now = NOW
    for pause in (0.0, 0.2, 0.2, 100.0, 0.2):
        now += pause
        assert grants.allowed(rate, now) == 1
        grants.take(rate, now, 1)
        assert grants.allowed(rate, now + rate.interval - LAG - 0.001) == 0
        assert rate.interval - LAG - 1e-6 <= grants.wait(rate, now) <= rate.interval


def test_what_is_due_within_a_moment_begins_at_once() -> None:
    grants = Grants()

    assert grants.allowed(Rate(limit=100, per=1.0), NOW) == 6


def test_a_higher_rate_takes_effect_at_once() -> None:
    grants = Grants()
    grants.take(Rate(limit=1, per=3600.0), NOW, 1)
    rate = Rate(limit=100, per=1.0)

    assert grants.allowed(rate, NOW) == 0
    assert grants.corrected
    assert grants.wait(rate, NOW) <= rate.interval


def test_a_clock_that_is_set_back_delays_by_no_more_than_the_rate() -> None:
    rate, grants = Rate(limit=2, per=10.0), Grants()
    for now in (NOW, NOW + 5):
        grants.take(rate, now, grants.allowed(rate, now))
    then = NOW - 100_000

    assert grants.allowed(rate, then) == 0
    assert grants.corrected
    assert grants.wait(rate, then) <= rate.per


def test_the_record_of_a_high_rate_is_short() -> None:
    rate, grants = Rate(limit=100_000, per=60.0), Grants()
    for index in range(10_000):
        now = NOW + index * rate.interval * 10
        grants.take(rate, now, grants.allowed(rate, now))

    assert len(grants.encode()) < 10_000


@pytest.mark.parametrize(
    ("text", "limit", "per"),
    [("5/s", 5, 1), ("100/m", 100, 60), ("10/30s", 10, 30), ("1/2h", 1, 7200), ("9/d", 9, 86400)],
)
def test_a_rate_is_a_number_in_a_length_of_time(text: str, limit: int, per: float) -> None:
    assert parse_rate(text) == (limit, per)


@pytest.mark.parametrize(
    "text", ["5", "5/", "/s", "0/s", "5/0s", "5.5/s", "5/s ", "5/week", "-1/s"]
)
def test_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; write 5/s"):
        parse_rate(text)
