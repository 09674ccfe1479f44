"""One connection, and the migrations that it has had."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from settings import settings

MIGRATIONS = Path(__file__).with_name("migrations")

sqlite3.register_adapter(datetime, lambda value: value.astimezone(UTC).isoformat())


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    Path(settings.database).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA busy_timeout = 5000")
        migrate(db)
        app.state.db = db
        yield


def migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for file in sorted(MIGRATIONS.glob("*.sql")):
        number = int(file.name.partition("_")[0])
        if number > version:
            script = f"BEGIN IMMEDIATE; {file.read_text()}; PRAGMA user_version = {number}; COMMIT"
            db.executescript(script)


async def database(request: Request) -> sqlite3.Connection:
    return request.app.state.db


Database = Annotated[sqlite3.Connection, Depends(database)]


def query(db: sqlite3.Connection, sql: str, values: list[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.execute(sql, values)]


def query_one(db: sqlite3.Connection, sql: str, values: list[Any]) -> dict[str, Any] | None:
    row = db.execute(sql, values).fetchone()
    return dict(row) if row else None
