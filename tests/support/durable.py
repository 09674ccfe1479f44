"""A durable queue and its database, without an application around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.sqlite.database import Database
from runtime.telemetry import Telemetry
from tests.support import databases
from tests.support.consuming import AT_ONCE, SOON, Running
from tests.support.implementations import sql_driver


class Opened:
    """A durable queue and its database."""

    def __init__(self, database: Database, driver: SqlDriver, telemetry: Telemetry | None) -> None:
        self.database = database
        self.store = driver.store
        declared = driver.declare("q", {"sql": {"max_length": 1000}})
        rules: dict[str, Any] = {"max_attempts": 3, "max_requeues": 3}
        if telemetry is None:
            self.queue = Queue("app:q", declared, AT_ONCE, **rules)
        else:
            self.queue = Queue("app:q", declared, AT_ONCE, telemetry=telemetry, **rules)

    async def in_flight(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while (await self.queue.info()).in_flight != count:  # noqa: ASYNC110
                await asyncio.sleep(0)

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """The writer is busy with somebody's transaction."""
        async with self.database.transaction() as transaction:
            await transaction.query("SELECT 1")
            yield


@asynccontextmanager
async def opened(
    folder: Path, queue_telemetry: Telemetry | None = None, **options: Any
) -> AsyncIterator[Opened]:
    """The options are those of the database."""
    async with databases.tasks(folder / "a.db", **options) as database:
        driver = sql_driver(database)
        it = Opened(database, driver, queue_telemetry)
        service = Running(driver)
        await asyncio.wait_for(service.ready.wait(), SOON)
        yield it
        await service.end()
