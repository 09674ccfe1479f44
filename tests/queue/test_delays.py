"""Delays, on every driver: nothing comes early, all of it comes, and where it waits meanwhile."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.queue.sql.sqlite import lease
from tests.support import databases
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, Running, consuming, run, until
from tests.support.delay_spread import Scatter
from tests.support.driver_conformance.messages import a_message, received
from tests.support.driver_conformance.suite import Harness
from tests.support.implementations import IMPLEMENTATIONS, sql_driver

MANY = 10_000


def a_queue(harness: Harness) -> Queue:
    return Queue(
        "app:q", harness.declare("q", 2 * MANY), Backoff(), max_attempts=10, max_requeues=10
    )


@pytest.mark.slow
@pytest.mark.parametrize("driver", IMPLEMENTATIONS)
def test_of_many_delayed_messages_none_is_early_and_none_is_lost(driver: str) -> None:
    async def test() -> None:
        async with IMPLEMENTATIONS[driver].open(REAL) as opened:
            harness = Harness(IMPLEMENTATIONS[driver].name, opened)
            await harness.start()
            queue = a_queue(harness)
            scatter = Scatter(queue, MANY, first=0.5, span=2.0, seed=20)
            publishing = asyncio.ensure_future(scatter.publish())
            receipts = await scatter.receive()
            await publishing

            assert sorted(receipt.number for receipt in receipts) == list(range(MANY))
            assert min(receipt.late for receipt in receipts) >= 0
            assert await queue.info() == Info(0, 0, 0, 0)
            await harness.stop()

    run(test)


async def growth(driver: str) -> int:
    """Bytes that the runtime's code holds on to for many delayed messages."""
    async with IMPLEMENTATIONS[driver].open(REAL) as opened:
        harness = Harness(IMPLEMENTATIONS[driver].name, opened)
        await harness.start()
        queue = a_queue(harness)
        await Scatter(queue, 500, first=3600, span=1, seed=1).publish()
        scatter = Scatter(queue, MANY, first=3600, span=86_400, seed=2)
        gc.collect()
        tracemalloc.start()
        try:
            await scatter.publish()
            gc.collect()
            code = tracemalloc.Filter(True, "*/runtime/*")
            kept = tracemalloc.take_snapshot().filter_traces([code]).statistics("filename")
        finally:
            tracemalloc.stop()
        assert (await queue.info()).delayed == MANY + 500
        await harness.stop()
        return sum(statistic.size for statistic in kept)


@pytest.mark.slow
def test_delayed_messages_of_a_durable_queue_are_rows_and_nothing_else() -> None:
    in_memory, in_a_database = asyncio.run(growth("memory")), asyncio.run(growth("sql"))

    assert in_memory > 200 * MANY  # else this measures nothing
    assert in_a_database < 50 * MANY


@pytest.fixture
def no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease's thread, which also reports what is due, does so after an hour."""
    monkeypatch.setattr(lease, "CHECK_INTERVAL", 3600)


@asynccontextmanager
async def a_driver(file: Path, fake: FakeClock, **times: float) -> AsyncIterator[SqlDriver]:
    async with databases.tasks(file) as database:
        yield sql_driver(database, clock=fake.clock, **times)


@pytest.mark.usefixtures("no_reports")
def test_each_delayed_message_comes_by_itself(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with a_driver(tmp_path / "a.db", fake, lease=7200, heartbeat=3600) as driver:
            queue = driver.declare("q", {"sql": {"max_length": 10}})
            running = Running(driver)
            await running.ready.wait()
            for body, delay in ("1", 20), ("3", 300), ("2", 150):
                await queue.publish(a_message(body), delay)
            subscription = queue.subscribe(10)
            came = []
            for seconds in (20, 130, 150):
                await fake.advance(seconds)
                message = await received(subscription)
                came.append((fake.monotonic(), message.body))

            assert came == [(20, b"1"), (150, b"2"), (300, b"3")]
            await running.end()

    run(test)


@pytest.mark.usefixtures("no_reports")
def test_a_start_knows_what_is_due(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with a_driver(tmp_path / "a.db", fake, lease=7200, heartbeat=3600) as driver:
            queue = driver.declare("q", {"sql": {"max_length": 10}})
            running = Running(driver)
            await running.ready.wait()
            await queue.publish(a_message("1"), 10)
            await queue.publish(a_message("2"), 3600)
            await running.end()
            await fake.advance(10)
            running = Running(driver)
            await running.ready.wait()
            subscription = queue.subscribe(10)
            first = await received(subscription)
            await driver.idle()
            await fake.advance(1)  # for the promotion that a second report has asked for
            await driver.idle()
            await fake.advance(3589)

            assert [first.body, (await received(subscription)).body] == [b"1", b"2"]
            await running.end()

    run(test)


def test_a_delay_ends_when_the_clock_says_so_though_somebody_set_it(tmp_path: Path) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with a_driver(tmp_path / "a.db", fake, lease=1, heartbeat=0.05) as driver:
            queue = driver.declare("q", {"sql": {"max_length": 10}})
            running = Running(driver)
            await running.ready.wait()
            await queue.publish(a_message("1"), 3600)
            waiting = asyncio.ensure_future(received(queue.subscribe(10)))
            await queue.info()
            assert not waiting.done()
            fake.shift(3601)
            await until(lambda: (fake.next_due or 0) < 1)  # the next report sets the timer anew
            await fake.advance(1)

            assert (await waiting).body == b"1"
            await running.end()

    run(test)


@pytest.mark.parametrize("driver", ["memory", "sql"])  # a server has a clock of its own
def test_ten_retries_pass_in_no_time_by_a_clock_that_is_moved(driver: str) -> None:
    async def test() -> None:
        fake = FakeClock()
        async with IMPLEMENTATIONS[driver].open(fake.clock) as opened:
            harness = Harness(IMPLEMENTATIONS[driver].name, opened)
            await harness.start()
            retry = Backoff(initial_delay=60, max_delay=3600, backoff_factor=2, jitter=0)
            queue = Queue(
                "app:q",
                harness.declare("q"),
                retry,
                max_attempts=10,
                max_requeues=10,
                clock=fake.clock,
            )
            attempts: list[float] = []
            failed = asyncio.Event()

            async def handler(body: str) -> bool:
                attempts.append(fake.monotonic())
                failed.set()
                return False

            async with consuming(queue, handler, clock=fake.clock):
                await queue.publish("x")
                for attempt in range(1, 11):
                    await asyncio.wait_for(failed.wait(), SOON)
                    failed.clear()
                    if attempt < 10:
                        await until_async(lambda: has(queue, delayed=1))
                        await until(lambda: (fake.next_due or 0) > 0)
                        await fake.advance(retry.delay(attempt))
                await until_async(lambda: has(queue, dead=1))
            (dead_letter,) = await queue.dead_letters()

            assert attempts == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10_980, 14_580]
            died = datetime.fromisoformat(dead_letter.headers["x_dead_letter_time"])
            assert died.timestamp() == dead_letter.published + 14_580
            assert dead_letter.published == fake.time() - 14_580
            await harness.stop()

    run(test)


async def has(queue: Queue, delayed: int = 0, dead: int = 0) -> bool:
    info = await queue.info()
    return (info.delayed, info.dead) == (delayed, dead)


async def until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
