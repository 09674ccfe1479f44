"""Databases: running ones for tests, and what is in their files."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from runtime.engines.sql.sqlite.connection import MEMORY, Settings
from runtime.engines.sql.sqlite.database import Database

LIMIT = 10.0
"""Seconds after which a test that waits has failed."""

TASKS = "CREATE TABLE tasks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT)"
ADD = "INSERT INTO tasks (name) VALUES (?)"


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(LIMIT):
            return await main

    return asyncio.run(limited())


@asynccontextmanager
async def serving(database: Any) -> AsyncIterator[Any]:
    """Run a database, and stop it properly."""
    ready, stop = asyncio.Event(), asyncio.Event()
    service = asyncio.create_task(database.run(lambda where="": ready.set(), stop))
    started = asyncio.create_task(ready.wait())
    await asyncio.wait([service, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if service.done():
        await service
    try:
        yield database
    finally:
        stop.set()
        await service


@asynccontextmanager
async def tasks(file: Path | str = MEMORY, **options: Any) -> AsyncIterator[Database]:
    """A running database with an empty table `tasks`."""
    settings = Settings(file=str(file), label="tasks.db")
    async with serving(Database(settings, **options)) as database:
        await database.execute(TASKS)
        yield database


def names(file: Path) -> list[str]:
    """The names of the committed tasks, seen from outside."""
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM tasks ORDER BY id")]
