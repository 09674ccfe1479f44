"""The stores of durable queues there are, as `tests/support/store_conformance` opens them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from runtime.clock import REAL, Clock
from runtime.engines.queue.sql.store import Store, StoreSettings
from runtime.engines.sql.contract import Database, Transaction
from tests.support import databases, postgres_stores
from tests.support.store_conformance.suite import HEARTBEAT, LEASE, StoreImplementation


def store_settings(
    *,
    lease: float = 10.0,
    heartbeat: float = 3.0,
    durable: bool = False,
    lanes: int = 3,
    listen: bool = True,
    clock: Clock = REAL,
) -> StoreSettings:
    """Settings with the defaults of the kind, except that nothing waits for the disk."""
    return StoreSettings(
        "app:queues",
        lease,
        heartbeat,
        durable=durable,
        clock=clock,
        lanes=lanes,
        listen=listen,
    )


hasty = partial(store_settings, lease=LEASE, heartbeat=HEARTBEAT)
"""Settings with the times of the suite."""


class SqliteSite:
    """A file, and stores in it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def store(self) -> Store:
        return self.database.queue_store(hasty())

    def another(self) -> AbstractAsyncContextManager[Database]:
        return databases.tasks()

    async def lose(self, transaction: Transaction) -> None:
        await transaction.execute(databases.ADD, ["twice"])
        with pytest.raises(sqlite3.IntegrityError):
            await transaction.execute("INSERT OR ROLLBACK INTO tasks (name) VALUES ('twice')")


@asynccontextmanager
async def in_a_file() -> AsyncIterator[SqliteSite]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.tasks(Path(folder) / "queues.db") as database:
            yield SqliteSite(database)


STORES = {
    "sqlite": StoreImplementation(in_a_file),
    "postgres": StoreImplementation(postgres_stores.in_a_schema(hasty)),
    "one lane of postgres": StoreImplementation(
        postgres_stores.in_a_schema(partial(hasty, lanes=1))
    ),
}
