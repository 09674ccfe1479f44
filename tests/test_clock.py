"""The clock, and the fake one that tests move."""

from __future__ import annotations

import asyncio

from runtime.clock import REAL, wait_for
from tests.support.clock import FakeClock


def test_timers_fire_in_order_each_at_its_own_moment() -> None:
    async def scenario() -> None:
        fake = FakeClock()
        fired: list[tuple[str, float]] = []
        for name, seconds in (("late", 30), ("soon", 10), ("too late", 41)):
            fake.clock.call_later(seconds, lambda n=name: fired.append((n, fake.monotonic())))

        await fake.advance(40)

        assert fired == [("soon", 10), ("late", 30)]
        assert fake.monotonic() == 40
        assert fake.timers == 1
        assert fake.next_due == 1

    asyncio.run(scenario())


def test_a_timer_that_a_timer_sets_fires_on_the_way() -> None:
    async def scenario() -> None:
        fake = FakeClock()
        fired: list[float] = []

        async def again() -> None:
            fired.append(fake.monotonic())
            fake.call_later(1, lambda: tasks.append(asyncio.create_task(again())))

        tasks = [asyncio.create_task(again())]
        await fake.advance(3)

        assert fired == [0, 1, 2, 3]
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_a_cancelled_timer_does_not_fire() -> None:
    async def scenario() -> None:
        fake = FakeClock()
        fired: list[int] = []
        timer = fake.call_later(1, lambda: fired.append(1))

        timer.cancel()
        await fake.advance(2)

        assert fired == []
        assert fake.timers == 0

    asyncio.run(scenario())


def test_setting_the_wall_clock_moves_no_timer() -> None:
    async def scenario() -> None:
        fake = FakeClock(now=100.0)
        fake.shift(-50)
        assert (fake.time(), fake.monotonic()) == (50, 0)

    asyncio.run(scenario())


def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    async def scenario() -> None:
        fake = FakeClock()
        event = asyncio.Event()

        waiting = asyncio.create_task(wait_for(event, 5, fake.clock))
        await fake.advance(5)
        assert await waiting is False

        waiting = asyncio.create_task(wait_for(event, 5, fake.clock))
        await fake.advance(4)
        event.set()
        assert await waiting is True
        assert fake.timers == 0

    asyncio.run(scenario())


def test_the_real_clock_calls_back_on_the_running_loop() -> None:
    async def scenario() -> None:
        fired = asyncio.Event()
        REAL.call_later(0, fired.set)
        async with asyncio.timeout(10):
            await fired.wait()

    asyncio.run(scenario())
