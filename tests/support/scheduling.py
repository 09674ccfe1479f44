"""A schedule that runs on a fake clock, and a target that notes when it is fired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.engines.queue.fired import Fired
from runtime.engines.schedule.schedule import CatchUp, Schedule
from runtime.engines.schedule.tally import ScheduleTally
from runtime.engines.schedule.times import IntervalTimes, Times
from tests.support.clock import FakeClock

NOON = 1_700_006_400.0
HOUR = 3600.0


class Recorder:
    """A target that notes when it is fired."""

    def __init__(self, last: float | None = None) -> None:
        self.fired: list[float] = []
        self.last = last
        self.answers: list[Fired | Exception] = []
        self.finished = False

    async def fire(self, at: float) -> Fired:
        answer = self.answers.pop(0) if self.answers else Fired.HERE
        if isinstance(answer, Exception):
            raise answer
        if answer is Fired.HERE:
            self.fired.append(at)
        return answer

    async def last_fired(self) -> float | None:
        return self.last

    async def finish(self) -> None:
        self.finished = True


def scheduled(
    target: Recorder,
    fake: FakeClock,
    times: Times | None = None,
    catch_up: CatchUp | None = None,
    tally: ScheduleTally | None = None,
) -> Schedule:
    """A schedule that is due each hour, if no other times are given."""
    return Schedule(
        "app:hourly",
        times or IntervalTimes(HOUR),
        target,
        catch_up or CatchUp("last", HOUR),
        fake.clock,
        tally,
    )


@asynccontextmanager
async def serving(schedule: Schedule, target: Recorder, fake: FakeClock) -> AsyncIterator[None]:
    """The time in which it runs; it has done what was due by its begin."""
    stop = asyncio.Event()
    task = asyncio.create_task(schedule.run(lambda where="": None, stop))
    await fake.advance(0)
    yield
    stop.set()
    await asyncio.wait_for(task, 30)
    assert target.finished


@asynccontextmanager
async def running(
    target: Recorder,
    times: Times | None = None,
    catch_up: CatchUp | None = None,
    now: float = NOON,
    tally: ScheduleTally | None = None,
) -> AsyncIterator[FakeClock]:
    """A new schedule that runs, by its clock."""
    fake = FakeClock(now)
    async with serving(scheduled(target, fake, times, catch_up, tally), target, fake):
        yield fake
