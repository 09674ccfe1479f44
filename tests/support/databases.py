"""Databases: running ones for tests, and what is in their files."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from runtime.engines.sql.sqlite import tracing
from runtime.engines.sql.sqlite.connection import MEMORY, Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.telemetry import OFF, Telemetry

LIMIT = 30.0
"""Seconds after which a test that waits has failed."""

TASKS = "CREATE TABLE tasks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT)"
ADD = "INSERT INTO tasks (name) VALUES (?)"

SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    "SELECT count(*) AS n FROM n"
)
"""A query that counts to its parameter."""
ENDLESS = 10**12


APPLICATION = {
    "_index.yaml": """
        namespace: app
        entries:
          - name: db
            kind: db.sql.sqlite
            file: a.db
            lifecycle: {auto_start: true, restart: {initial_delay: 50ms, max_delay: 50ms}}
          - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /,
             func: add}
          - {name: add, kind: function.python, source: file://add.py, modules: [sql]}
        """,
    "add.py": """
        from runtime.modules import sql

        async def main(request):
            db = sql.get("db")
            await db.execute("CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, name)")
            name = (await request.body()).decode()
            await db.execute("INSERT INTO tasks (name) VALUES (?)", [name])
        """,
}
"""A server whose POST adds a task to the database."""


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


def database(
    file: Path | str = MEMORY,
    label: str = "tasks.db",
    *,
    busy_timeout: float = 5.0,
    transaction_timeout: float = 3.0,
    file_mode: int = 0o600,
    telemetry: Telemetry = OFF,
    **pragmas: str | int,
) -> Database:
    """A database that does not run yet, with the schema's defaults."""
    settings = Settings(
        file=str(file),
        label=label,
        name="app:db",
        pragmas=pragmas,
        busy_timeout=busy_timeout,
        file_mode=file_mode,
    )
    return tracing.database(settings, transaction_timeout, telemetry)


@asynccontextmanager
async def tasks(file: Path | str = MEMORY, **options: Any) -> AsyncIterator[Database]:
    """A running database with an empty table `tasks`; the options are those of `database`."""
    async with serving(database(file, **options)) as running:
        await running.execute(TASKS)
        yield running


def names(file: Path) -> list[str]:
    """The names of the committed tasks, seen from outside."""
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM tasks ORDER BY id")]


def integrity(file: Path) -> list[tuple[Any, ...]]:
    """The answer of SQLite's own check of a file."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall()


def clean_context() -> contextvars.Context:
    """A context of another task, which is in no transaction."""
    return contextvars.Context()


async def other_task(db: Database, name: str) -> None:
    """Add a task to the database in a task that is in no transaction."""
    await asyncio.get_running_loop().create_task(db.execute(ADD, (name,)), context=clean_context())
