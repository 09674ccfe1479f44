"""A schedule fires each planned time once, and tells of those that it does not fire."""

from __future__ import annotations

import asyncio
import logging

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.fired import Fired
from runtime.engines.schedule.schedule import CatchUp, Schedule
from runtime.engines.schedule.times import CronTimes, IntervalTimes, shown
from runtime.service import Unavailable
from tests.support.clock import FakeClock
from tests.support.consuming import run
from tests.support.scheduling import HOUR, NOON, Recorder, running


def test_each_planned_time_is_fired_when_it_comes() -> None:
    async def test() -> None:
        target = Recorder()
        async with running(target, now=NOON + 60) as fake:
            await fake.advance(HOUR - 61)
            assert target.fired == []
            await fake.advance(2 * HOUR)
        assert target.fired == [NOON + HOUR, NOON + 2 * HOUR]

    run(test)


def test_nothing_is_caught_up_by_a_schedule_that_never_fired() -> None:
    async def test() -> None:
        target = Recorder(last=None)
        async with running(target, catch_up=CatchUp("all", 24 * HOUR), now=NOON + 60) as fake:
            await fake.advance(60)
        assert target.fired == []

    run(test)


@pytest.mark.parametrize(
    ("which", "within", "fired"),
    [
        ("none", 24 * HOUR, []),
        ("last", 24 * HOUR, [NOON]),
        ("last", 0.0, []),
        ("all", 24 * HOUR, [NOON - 2 * HOUR, NOON - HOUR, NOON]),
        ("all", HOUR + 120, [NOON - HOUR, NOON]),
    ],
)
def test_what_was_missed_is_caught_up_as_the_manifest_says(
    which: str, within: float, fired: list[float]
) -> None:
    async def test() -> None:
        target = Recorder(last=NOON - 3 * HOUR)
        async with running(target, catch_up=CatchUp(which, within), now=NOON + 60) as fake:
            assert target.fired == fired
            await fake.advance(HOUR)
        assert target.fired == [*fired, NOON + HOUR]

    run(test)


def test_what_is_left_out_is_told_with_its_time(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        target = Recorder(last=NOON - 3 * HOUR)
        async with running(target, now=NOON + 60):
            pass

    run(test)
    assert [record.getMessage() for record in caplog.records] == [
        f"app:hourly: left out what was missed from {shown(NOON - 2 * HOUR)} on until "
        f"{shown(NOON)}, which is fired",
        f"app:hourly: fired {shown(NOON)}, which was missed, 1m late",
    ]


def test_all_of_more_than_are_looked_up_at_once_are_caught_up() -> None:
    async def test() -> None:
        target = Recorder(last=NOON - 2500)
        catch_up = CatchUp("all", HOUR)
        async with running(target, IntervalTimes(1), catch_up):
            pass
        assert target.fired == [NOON - 2499 + number for number in range(2500)]

    run(test)


def test_a_wall_clock_that_is_set_back_fires_nothing_twice() -> None:
    async def test() -> None:
        target = Recorder()
        async with running(target) as fake:
            await fake.advance(HOUR)
            fake.shift(-HOUR)
            await fake.advance(HOUR)
            assert target.fired == [NOON + HOUR]
            await fake.advance(HOUR)
        assert target.fired == [NOON + HOUR, NOON + 2 * HOUR]

    run(test)


def test_a_wall_clock_that_is_set_ahead_is_seen_within_a_minute() -> None:
    async def test() -> None:
        target = Recorder()
        async with running(target, now=NOON + 60) as fake:
            await fake.advance(1)
            fake.shift(HOUR)
            await fake.advance(60)
        assert target.fired == [NOON + HOUR]

    run(test)


def test_a_program_whose_clock_is_behind_waits_for_what_is_to_come() -> None:
    async def test() -> None:
        target = Recorder(last=NOON + 2 * HOUR)
        async with running(target) as fake:
            await fake.advance(3 * HOUR)
        assert target.fired == [NOON + 3 * HOUR]

    run(test)


@pytest.mark.parametrize("error", [Full("queue 'app:q' is full"), Unavailable("'app:db' is away")])
def test_a_time_that_cannot_be_published_is_tried_again(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [error] * 3
        async with running(target) as fake:
            await fake.advance(HOUR)
            assert target.fired == []
            await fake.advance(60)
        assert target.fired == [NOON + HOUR]

    run(test)
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings[0] == f"app:hourly: {shown(NOON + HOUR)} cannot be fired yet: {error}"
    assert len([text for text in warnings if "cannot" in text]) == 1


def test_a_time_that_never_finds_room_is_left_out_in_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [Full("full")] * 100
        async with running(target, catch_up=CatchUp("last", 300)) as fake:
            await fake.advance(HOUR + 400)
            target.answers = []
            await fake.advance(HOUR)
        assert target.fired == [NOON + 2 * HOUR]

    run(test)
    assert f"left out what was missed from {shown(NOON + HOUR)}" in caplog.text


def test_a_stop_does_not_wait_for_room() -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [Full("full")] * 100
        async with running(target) as fake:
            await fake.advance(HOUR)
        assert target.fired == []

    run(test)


def test_overlaps_are_told_when_they_begin_and_counted_when_they_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [Fired.OVERLAPPED] * 3
        async with running(target) as fake:
            await fake.advance(4 * HOUR)
        assert target.fired == [NOON + 4 * HOUR]

    run(test)
    assert [record.getMessage() for record in caplog.records] == [
        f"app:hourly: {shown(NOON + HOUR)} is skipped: what an earlier time began is unfinished",
        "app:hourly: fires again; 3 times were skipped",
    ]


def test_what_another_program_fired_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [Fired.ELSEWHERE] * 3
        async with running(target) as fake:
            await fake.advance(3 * HOUR)

    with caplog.at_level(logging.INFO):
        run(test)
    assert [text for text in caplog.messages if "fires next" not in text] == []


def test_a_restart_by_the_supervisor_goes_on_where_it_was() -> None:
    async def test() -> None:
        target = Recorder()
        target.answers = [Fired.HERE, RuntimeError("broken")]
        fake = FakeClock(NOON)
        schedule = Schedule(
            "app:hourly", IntervalTimes(HOUR), target, CatchUp("last", HOUR), fake.clock
        )
        task = asyncio.create_task(schedule.run(lambda where="": None, asyncio.Event()))
        await fake.advance(2 * HOUR)
        with pytest.raises(RuntimeError, match="broken"):
            await task
        stop = asyncio.Event()
        task = asyncio.create_task(schedule.run(lambda where="": None, stop))
        await fake.advance(60)
        stop.set()
        await task

        assert target.fired == [NOON + HOUR, NOON + 2 * HOUR]

    run(test)


def test_a_schedule_without_further_times_waits_for_the_stop() -> None:
    class Once:
        def after(self, moment: float) -> list[float]:
            return iter([NOON + HOUR] if moment < NOON + HOUR else [])

        def words(self) -> str:
            return "once"

    async def test() -> None:
        target = Recorder()
        async with running(target, Once()) as fake:
            await fake.advance(5 * HOUR)
        assert target.fired == [NOON + HOUR]

    run(test)


def test_it_says_when_it_fires_next(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(Recorder(), CronTimes("30 2 * * *", "Europe/Berlin")):
            pass

    with caplog.at_level(logging.INFO):
        run(test)
    assert caplog.messages == ["app:hourly: fires next at 2023-11-15T01:30:00Z"]
