"""The key-value stores there are, each opened with a clock that stands still."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from runtime.engines.sql.contract import Database
from runtime.engines.store.contract import KeyValueStore
from runtime.engines.store.memory import Limits, MemoryStore
from runtime.engines.store.sql import SqlStore
from tests.support import databases, postgres_databases
from tests.support.clock import FakeClock

MAX_VALUE = 1000
MAX_SIZE = 5000


@asynccontextmanager
async def in_memory(fake: FakeClock, url: str) -> AsyncIterator[KeyValueStore]:
    yield MemoryStore("app:store", Limits(MAX_VALUE, 1_000_000, evicts=False), fake.clock)


@asynccontextmanager
async def in_sqlite(fake: FakeClock, url: str) -> AsyncIterator[KeyValueStore]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            databases.serving(databases.database(Path(folder) / "app.db")) as database,
            on(database, fake) as store,
        ):
            yield store


@asynccontextmanager
async def in_postgres(fake: FakeClock, url: str) -> AsyncIterator[KeyValueStore]:
    async with (
        databases.serving(postgres_databases.database(url)) as database,
        on(database, fake) as store,
    ):
        yield store


@asynccontextmanager
async def on(
    database: Database, fake: FakeClock, name: str = "sessions"
) -> AsyncIterator[SqlStore]:
    """A store in a running database."""
    store = SqlStore("app:store", name, database, MAX_VALUE, fake.clock)
    ready, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(store.run(lambda where="": ready.set(), stop))
    await asyncio.wait(
        [running, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    assert ready.is_set(), running.exception()
    yield store
    stop.set()
    await running


STORES: dict[str, Callable[[FakeClock, str], AbstractAsyncContextManager[KeyValueStore]]] = {
    "memory": in_memory,
    "sqlite": in_sqlite,
    "postgres": in_postgres,
}
