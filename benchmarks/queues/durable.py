"""Durable: queue.driver.sql with the defaults of its kind, whose publishes wait for the disk."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from benchmarks.service import serving
from runtime.clock import Clock
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.contract import Database
from runtime.kinds.queue.driver import sql
from tests.support import databases, postgres_databases
from tests.support.driver_conformance.suite import Implementation, Service
from tests.support.stores import store_settings


def driver(database: Database, clock: Clock) -> SqlDriver:
    settings = replace(store_settings(clock=clock), durable=True)
    return SqlDriver(settings.id, database.queue_store(settings), clock=clock)


@asynccontextmanager
async def _on_postgres(url: str, clock: Clock) -> AsyncIterator[Service]:
    database = postgres_databases.database(url)
    async with serving(database):
        yield driver(database, clock)


@asynccontextmanager
async def _on_sqlite(clock: Clock) -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.tasks(Path(folder) / "queues.db") as database:
            yield driver(database, clock)


def on_postgres(url: str) -> Implementation:
    return Implementation("sql", partial(_on_postgres, url), sql.kind.unsupported)


def on_sqlite() -> Implementation:
    return Implementation("sql", _on_sqlite, sql.kind.unsupported)
