"""Delays, on every driver: nothing comes early, all of it comes, and where it waits meanwhile."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path
from time import time

import pytest

from runtime.backoff import Backoff
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql import maintenance
from runtime.engines.queue.sql import queue as line_module
from runtime.engines.queue.sql.driver import DurableDriver
from runtime.engines.queue.sql.sqlite import lease
from tests.support import databases
from tests.support.consuming import Running, run
from tests.support.delay_spread import Scatter
from tests.support.driver_conformance import Bench, a_message, received
from tests.support.implementations import ENTRANTS

MANY = 10_000


def a_queue(bench: Bench) -> Queue:
    return Queue("app:q", bench.line("q", 2 * MANY), Backoff())


@pytest.mark.parametrize("driver", ENTRANTS)
def test_of_many_delayed_messages_none_is_early_and_none_is_lost(driver: str) -> None:
    async def test() -> None:
        async with ENTRANTS[driver].open() as opened:
            bench = Bench(opened)
            await bench.start()
            queue = a_queue(bench)
            scatter = Scatter(queue, MANY, first=0.5, span=2.0, seed=20)
            publishing = asyncio.ensure_future(scatter.publish())
            receipts = await scatter.receive()
            await publishing

            assert sorted(receipt.number for receipt in receipts) == list(range(MANY))
            assert min(receipt.late for receipt in receipts) >= 0
            assert await queue.info() == Info(0, 0, 0, 0)
            await bench.stop()

    run(test)


async def growth(driver: str) -> int:
    """Bytes that the runtime's code holds on to for many delayed messages."""
    async with ENTRANTS[driver].open() as opened:
        bench = Bench(opened)
        await bench.start()
        queue = a_queue(bench)
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
        await bench.stop()
        return sum(statistic.size for statistic in kept)


def test_delayed_messages_of_a_durable_queue_are_rows_and_nothing_else() -> None:
    in_memory, in_a_database = asyncio.run(growth("memory")), asyncio.run(growth("sql"))

    assert in_memory > 200 * MANY  # else this measures nothing
    assert in_a_database < 50 * MANY


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease's thread, which also tells what is due, does so after an hour."""
    monkeypatch.setattr(lease, "LOOK", 3600)


@pytest.mark.usefixtures("nobody_looks")
def test_each_delayed_message_comes_by_itself(tmp_path: Path) -> None:
    async def test() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = DurableDriver("app:q", database, lease=7200, heartbeat=3600)
            line = driver.line("q", 10)
            running = Running(driver)
            await running.ready.wait()
            for body, delay in ("1", 0.02), ("3", 0.3), ("2", 0.15):
                await line.publish(a_message(body), delay)
            subscription = line.subscribe(10)

            assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]
            await running.end()

    run(test)


@pytest.mark.usefixtures("nobody_looks")
def test_a_start_knows_what_is_due(tmp_path: Path) -> None:
    async def test() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = DurableDriver("app:q", database, lease=7200, heartbeat=3600)
            line = driver.line("q", 10)
            running = Running(driver)
            await running.ready.wait()
            await line.publish(a_message("1"), 0.001)
            await line.publish(a_message("2"), 0.5)
            await running.end()
            running = Running(driver)
            await running.ready.wait()
            subscription = line.subscribe(10)

            assert [(await received(subscription)).body for _ in "12"] == [b"1", b"2"]
            await running.end()

    run(test)


def test_a_delay_ends_when_the_clock_says_so_though_somebody_set_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by = 0.0
    monkeypatch.setattr(maintenance, "time", lambda: time() + set_by)
    # A due time in whole seconds is the same number in the database.
    monkeypatch.setattr(line_module, "time", lambda: float(int(time())))

    async def test() -> None:
        nonlocal set_by
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = DurableDriver("app:q", database, lease=1, heartbeat=0.05)
            line = driver.line("q", 10)
            running = Running(driver)
            await running.ready.wait()
            await line.publish(a_message("1"), 3600)
            waiting = asyncio.ensure_future(received(line.subscribe(10)))
            await line.info()
            assert not waiting.done()
            set_by = 3601.0

            assert (await waiting).body == b"1"
            await running.end()

    run(test)
