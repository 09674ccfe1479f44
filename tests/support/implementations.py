"""Entrants: the drivers there are, as the suite of `tests/support/driver_conformance.py` and other tests open them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runtime.engines.queue.driver_queue import DriverQueue
from runtime.engines.queue.sql.driver import DurableDriver
from runtime.entry_id import EntryId
from runtime.kinds.queue.driver import DriverOptions, memory, sql
from tests.support import databases
from tests.support.driver_conformance import Entrant, Service


@asynccontextmanager
async def in_memory() -> AsyncIterator[Service]:
    yield memory.MemoryDriver(EntryId("app", "queues"))


class Sql(DurableDriver):
    """The durable driver, which its kind wraps in the same way."""

    def declare(self, name: str, options: DriverOptions) -> DriverQueue:
        return self.line(name, options.sql.max_length)


@asynccontextmanager
async def in_a_database() -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.tasks(Path(folder) / "queues.db") as database:
            yield Sql("app:queues", database)


ENTRANTS = {
    "memory": Entrant(in_memory, memory.kind.unsupported),
    "sql": Entrant(in_a_database, sql.kind.unsupported),
}
