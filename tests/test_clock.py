"""Clock: real time, and waiting by a clock that a test moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import REAL, until_beat, wait_for
from tests.support.clock import FakeClock


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def test_the_real_clock_is_the_system_s_own_functions() -> None:
    assert REAL.time is time.time
    assert REAL.monotonic is time.monotonic


def test_the_real_clock_calls_back_on_the_running_loop() -> None:
    async def main() -> None:
        called = asyncio.Event()
        REAL.call_later(0, called.set)
        await called.wait()

    run(main())


def test_a_cancelled_timer_does_not_call_back() -> None:
    async def main() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        REAL.call_later(0, first.set).cancel()
        REAL.call_later(0.001, second.set)
        await second.wait()

        assert not first.is_set()

    run(main())


def test_waiting_for_an_event_that_is_set_takes_no_timer() -> None:
    async def main() -> None:
        fake, event = FakeClock(), asyncio.Event()
        event.set()

        assert await wait_for(event, 0, fake.clock)
        assert fake.timers == 0

    run(main())


def test_waiting_ends_when_the_event_is_set() -> None:
    async def main() -> None:
        fake, event = FakeClock(), asyncio.Event()
        waiting = asyncio.create_task(wait_for(event, 10, fake.clock))
        await fake.advance(9.9)
        assert not waiting.done()
        event.set()

        assert await waiting
        assert fake.timers == 0

    run(main())


@pytest.mark.parametrize("seconds", [10, 0])
def test_waiting_ends_when_the_time_is_over(seconds: float) -> None:
    async def main() -> None:
        fake, event = FakeClock(), asyncio.Event()
        waiting = asyncio.create_task(wait_for(event, seconds, fake.clock))
        await fake.advance(seconds)

        assert waiting.done()
        assert not await waiting

    run(main())


def test_a_wait_that_is_cancelled_leaves_nothing_behind() -> None:
    async def main() -> None:
        fake, tasks = FakeClock(), asyncio.all_tasks()
        waiting = asyncio.create_task(wait_for(asyncio.Event(), 10, fake.clock))
        await asyncio.sleep(0)
        assert fake.timers == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)

        assert fake.timers == 0
        assert asyncio.all_tasks() == tasks

    run(main())


def test_a_timer_of_no_seconds_fires_without_moving_the_clock() -> None:
    async def scenario() -> None:
        fake = FakeClock()
        fired = asyncio.Event()
        fake.call_later(0, fired.set)
        cancelled = fake.call_later(0, lambda: pytest.fail("it was cancelled"))
        cancelled.cancel()
        async with asyncio.timeout(10):
            await fired.wait()
        await fake.advance(0)

    asyncio.run(scenario())


def test_what_is_done_regularly_is_due_together_whenever_it_began() -> None:
    assert until_beat(0.25, 100.0) == 0.25
    assert until_beat(0.25, 100.1) == pytest.approx(0.15)
    assert until_beat(0.5, 100.1) == pytest.approx(0.4)


def test_a_timer_that_fires_early_is_not_due_twice() -> None:
    assert until_beat(0.25, 100.249) == pytest.approx(0.251)


@given(st.floats(0.001, 60), st.floats(0, 1e6))
def test_the_next_time_is_a_whole_number_of_intervals(interval: float, now: float) -> None:
    wait = until_beat(interval, now)

    assert interval / 10 <= wait <= interval * 1.11
    beats = (now + wait) / interval
    assert beats == pytest.approx(round(beats), abs=1e-3)
