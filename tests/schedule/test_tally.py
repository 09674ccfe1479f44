"""What a schedule counts: the times that it fired, how late, and those that it did not."""

from __future__ import annotations

from runtime.engines.queue.fired import Fired
from runtime.engines.schedule.schedule import CatchUp
from runtime.engines.schedule.tally import ScheduleTally
from runtime.engines.schedule.times import IntervalTimes
from tests.support.clock import FakeClock
from tests.support.consuming import run
from tests.support.scheduling import HOUR, NOON, Recorder, running, scheduled, serving


def test_each_time_that_is_fired_counts_with_its_delay() -> None:
    tally = ScheduleTally()

    async def test() -> None:
        target = Recorder(last=NOON - HOUR)
        async with running(target, now=NOON + 60, tally=tally) as fake:
            await fake.advance(HOUR)

    run(test)
    late, missed, calls = tally.take()
    assert (late, dict(missed), calls) == ([60.0, 0.0], {}, [])


def test_times_that_are_left_out_are_counted_each() -> None:
    tally = ScheduleTally()

    async def test() -> None:
        async with running(Recorder(last=NOON - 5 * HOUR), now=NOON + 60, tally=tally):
            pass

    run(test)
    late, missed, _ = tally.take()
    assert late == [60.0]
    assert missed == {"late": 4}


def test_of_a_long_pause_a_thousand_times_are_counted() -> None:
    tally = ScheduleTally()

    async def test() -> None:
        target = Recorder(last=NOON - 100_000)
        async with running(target, IntervalTimes(1), CatchUp("last", 0), tally=tally):
            pass

    run(test)
    assert tally.take()[1]["late"] == 1000


def test_times_that_overlap_or_find_no_room_are_missed() -> None:
    tally = ScheduleTally()

    async def test() -> None:
        target = Recorder()
        target.answers = [Fired.OVERLAPPED, Fired.ELSEWHERE]
        async with running(target, tally=tally) as fake:
            await fake.advance(2 * HOUR)
        assert target.fired == []

    run(test)
    late, missed, _ = tally.take()
    assert (late, dict(missed)) == ([], {"overlap": 1})


def test_a_schedule_knows_its_last_and_its_next_time() -> None:
    async def test() -> None:
        target = Recorder(last=NOON - HOUR)
        schedule = scheduled(target, fake := FakeClock(NOON + 60))
        async with serving(schedule, target, fake):
            assert (schedule.last_time, schedule.next_time) == (NOON, NOON + HOUR)
            await fake.advance(HOUR)
            assert (schedule.last_time, schedule.next_time) == (NOON + HOUR, NOON + 2 * HOUR)

    run(test)
