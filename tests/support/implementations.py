"""The queue drivers there are, as the suite of `tests/support/driver_conformance` opens them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runtime.clock import REAL, Clock
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.contract import Database
from runtime.entry_id import EntryId
from runtime.kinds.queue.driver import memory, sql
from tests.support import databases, postgres_databases, postgres_stores
from tests.support.driver_conformance.suite import Implementation, Service
from tests.support.stores import store_settings


def sql_driver(
    database: Database, *, lease: float = 10.0, heartbeat: float = 3.0, clock: Clock = REAL
) -> SqlDriver:
    """A driver with the defaults of its kind."""
    settings = store_settings(lease=lease, heartbeat=heartbeat, clock=clock)
    return SqlDriver(settings.id, database.queue_store(settings), clock=clock)


@asynccontextmanager
async def in_memory(clock: Clock) -> AsyncIterator[Service]:
    yield memory.MemoryDriver(EntryId("app", "queues"), clock)


@asynccontextmanager
async def in_a_database(clock: Clock) -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.tasks(Path(folder) / "queues.db") as database:
            yield sql_driver(database, clock=clock)


@asynccontextmanager
async def on_postgres(clock: Clock) -> AsyncIterator[Service]:
    with postgres_stores.schema() as schema:
        async with postgres_databases.tasks(schema.url) as database:
            yield sql_driver(database, clock=clock)


IMPLEMENTATIONS = {
    "memory": Implementation("memory", in_memory, memory.kind.unsupported),
    "sql": Implementation(
        "sql",
        in_a_database,
        sql.kind.unsupported,
        lambda driver: driver.store.database.transaction(),
    ),
    "sql on postgres": Implementation(
        "sql",
        on_postgres,
        sql.kind.unsupported,
        lambda driver: driver.store.database.transaction(),
    ),
}
