"""PostgreSQL databases for tests, with the schema's defaults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from runtime.engines.sql.postgres import address, tracing
from runtime.engines.sql.postgres.database import Database
from runtime.engines.sql.postgres.settings import PoolSettings, Settings
from runtime.telemetry import OFF, Telemetry
from tests.support.databases import serving

TASKS = "CREATE TABLE tasks (id SERIAL PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT)"

POOL = PoolSettings(size=8, wait=5.0, idle=600.0, lifetime=3600.0)


def settings(url: str, *, size: int = 8, wait: float = 5.0, **changes: Any) -> Settings:
    parameters = address.read(url)
    defaults = Settings(
        name="app:db",
        label=address.label(parameters),
        parameters=address.complete(parameters, "app:db"),
        statement_timeout=30.0,
        transaction_timeout=3.0,
        lock_timeout=5.0,
        pool=replace(POOL, size=size, wait=wait),
    )
    return replace(defaults, **changes)


def database(url: str, telemetry: Telemetry = OFF, **changes: Any) -> Database:
    """A database that does not run yet."""
    return tracing.database(settings(url, **changes), telemetry)


@asynccontextmanager
async def tasks(url: str, **changes: Any) -> AsyncIterator[Database]:
    """A running database with an empty table `tasks`."""
    async with serving(database(url, **changes)) as running:
        await running.execute(TASKS)
        yield running
