"""Every driver, put through the one suite of `tests/drivers.py`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from runtime.durable.driver import DurableDriver
from runtime.entry import EntryId
from runtime.kinds.queue.driver import Driver, DriverOptions, MemoryOptions, SqlOptions
from runtime.kinds.queue.driver.memory import MemoryDriver
from runtime.messaging.line import Line
from tests import databases
from tests.drivers import CASES, MAX_LENGTH

OPTIONS = DriverOptions(
    memory=MemoryOptions(max_length=MAX_LENGTH),
    sql=SqlOptions(max_length=MAX_LENGTH),
    amqp={},
    sqs={},
)


@asynccontextmanager
async def memory() -> AsyncIterator[Driver]:
    driver = MemoryDriver(EntryId("app", "queues"))
    ready, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(driver.run(lambda where="": ready.set(), stop))
    await ready.wait()
    yield driver
    stop.set()
    await running


class Sql:
    """The durable driver as the suite wants it."""

    def __init__(self, driver: DurableDriver) -> None:
        self.driver = driver

    def declare(self, name: str, options: DriverOptions) -> Line:
        return self.driver.line(name, options.sql.max_length)


@asynccontextmanager
async def sql() -> AsyncIterator[Driver]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.tasks(Path(folder) / "queues.db") as database:
            driver = DurableDriver("app:queues", database)
            ready, stop = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(driver.run(lambda where="": ready.set(), stop))
            await ready.wait()
            yield Sql(driver)
            stop.set()
            await running


DRIVERS: dict[str, Callable[[], AbstractAsyncContextManager[Driver]]] = {
    "memory": memory,
    "sql": sql,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("driver", DRIVERS)
def test_driver(driver: str, case: Callable[[Line, Line], Awaitable[None]]) -> None:
    async def main() -> None:
        async with DRIVERS[driver]() as running:
            await case(running.declare("line", OPTIONS), running.declare("other", OPTIONS))

    asyncio.run(main())
