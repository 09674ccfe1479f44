"""What is claimed ahead follows the duration of the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Subscription
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.pace import MOMENT, Pace
from runtime.engines.queue.sql.watch import LONGEST_WAIT
from tests.support import databases
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, Running, run
from tests.support.driver_conformance.messages import (
    a_ranked_message,
    bodies,
    publish,
    received,
)
from tests.support.implementations import sql_driver

SHORT, LONG = 0.001, 1.0
"""Seconds of a task."""


@asynccontextmanager
async def opened(folder: Path, fake: FakeClock, programs: int) -> AsyncIterator[list[DriverQueue]]:
    """The queue `q` in several programs on one file, which hear of each other by its rows only."""
    queues = list[DriverQueue]()
    services = []
    async with databases.tasks(folder / "a.db") as database:
        for _ in range(programs):
            driver = sql_driver(database, lease=7200, heartbeat=3600, clock=fake.clock)
            queues.append(driver.declare("q", {"sql": {"max_length": 1000}}))
            services.append(Running(driver))
            await asyncio.wait_for(services[-1].ready.wait(), SOON)
        yield queues
        for service in services:
            await service.end()


async def work(subscription: Subscription, fake: FakeClock, seconds: float) -> str:
    """Handle the next message for so long. Returns its body."""
    message = await received(subscription)
    await fake.advance(seconds)
    await subscription.ack(message)
    return message.body.decode()


async def in_flight(queue: DriverQueue, count: int) -> None:
    """Wait until so many messages are in flight."""
    async with asyncio.timeout(SOON):
        while (await queue.info()).in_flight != count:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def stays_in_flight(queue: DriverQueue, count: int) -> None:
    for _ in range(10):  # it may be claiming
        assert (await queue.info()).in_flight == count


def test_a_program_with_long_tasks_leaves_the_others_to_one_that_is_idle(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 2) as (first, second):
            busy, idle = first.subscribe(10), second.subscribe(10)
            await publish(first, range(6))
            for _ in range(3):
                held: Sequence[Message] = [await received(busy)]
                await stays_in_flight(first, 1)
                held = [*held, await received(idle)]
                await stays_in_flight(first, 2)
                await fake.advance(LONG)
                await busy.ack(held[0])
                await idle.ack(held[1])

            assert (await first.info()).ready == 0

    run(test)


def test_a_program_with_short_tasks_claims_ahead(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 1) as (queue,):
            subscription = queue.subscribe(10)
            await publish(queue, range(100))
            assert await work(subscription, fake, SHORT) == "0"
            await in_flight(queue, 10)
            for number in range(1, 20):
                assert await work(subscription, fake, SHORT) == str(number)

    run(test)


def test_tasks_of_some_length_are_claimed_as_far_ahead_as_they_are_begun_soon(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 1) as (queue,):
            subscription = queue.subscribe(10)
            await publish(queue, range(100))
            for number in range(10):
                assert await work(subscription, fake, MOMENT / 3) == str(number)
            message = await received(subscription)
            for _ in range(10):
                assert (await queue.info()).in_flight <= 4
            await subscription.ack(message)

    run(test)


def test_what_was_claimed_ahead_is_given_back_when_tasks_turn_long(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 2) as (first, second):
            subscription = first.subscribe(10)
            await publish(first, range(20))
            await work(subscription, fake, SHORT)
            await in_flight(first, 10)
            long = await received(subscription)
            await in_flight(first, 10)
            await fake.advance(LONGEST_WAIT * 2)
            await in_flight(first, 1)
            await stays_in_flight(first, 1)

            idle = second.subscribe(0)
            again = await received(idle)
            assert (again.body, again.attempt) == (b"2", 1)
            await subscription.ack(long)
            assert await bodies(subscription, 1) == ["3"]

    run(test)


def test_an_urgent_message_is_the_next_behind_a_long_task(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 1) as (queue,):
            subscription = queue.subscribe(10)
            await publish(queue, range(10))
            long = await received(subscription)
            await queue.publish(a_ranked_message('"urgent"', 9))
            await fake.advance(LONG)
            await subscription.ack(long)

            assert await bodies(subscription, 1) == ['"urgent"']

    run(test)


def test_what_is_claimed_ahead_is_released_at_the_end_also_while_it_is_given_back(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with opened(tmp_path, fake, 1) as (queue,):
            subscription = queue.subscribe(10)
            await publish(queue, range(20))
            await work(subscription, fake, SHORT)
            await in_flight(queue, 10)
            late = asyncio.ensure_future(fake.advance(LONGEST_WAIT * 2))
            await asyncio.sleep(0)
            await subscription.close()
            await late

            assert (await queue.info()).in_flight == 0
            assert await bodies(queue.subscribe(0), 2) == ["1", "2"]
            assert fake.timers == 0

    run(test)


def test_a_pace_is_what_was_finished_in_the_latest_moments() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.messages() == 0
    now, pace.finished = MOMENT / 10, 2
    assert pace.messages() == 20
    now, pace.finished = MOMENT * 2, 10
    assert pace.messages() == 5
    now, pace.finished = MOMENT * 2.5, 100
    assert pace.messages() == 5, "measured not long ago"
    now, pace.finished = MOMENT * 12, 1
    assert pace.messages() == pytest.approx(0.1)
    pace.restart()
    assert pace.messages() == 0
