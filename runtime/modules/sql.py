"""sql: databases, for handlers.

    db = sql.get("app:db")
    rows = await db.query("SELECT * FROM tasks WHERE status = ?", ("new",))
    async with db.transaction() as tx:
        await tx.execute("UPDATE tasks SET status = ?", ("done",))
    await db.executemany("INSERT INTO tasks (name) VALUES (?)", [("a",), ("b",)])

In a handler whose consumer has the field `transaction`, these writes and the acknowledgement of the
message are committed together:

    await sql.transaction().execute("INSERT INTO results VALUES (?)", (result,))

What may fail by itself goes into an attempt, which is undone alone:

    async with tx.attempt():
        await tx.execute("INSERT INTO tasks (name) VALUES (?)", ("a",))

`sql.builder` writes SQL from checked names, for the database that it runs on. Errors of the
database's driver, `sqlite3` or `psycopg`, are raised as they are, except for locks, disk errors and
servers that are not there: those are `Unavailable`. `except sql.IntegrityError` catches a violated
constraint of either.
"""

from __future__ import annotations

import sys
from typing import Any

from runtime.engines.queue.delivery import Delivery
from runtime.engines.sql import builder
from runtime.engines.sql.contract import (
    Database,
    DatabaseClosed,
    Json,
    Result,
    Transaction,
    TransactionLost,
    Uncertain,
)
from runtime.handlers.context import call, component
from runtime.service import Unavailable

__all__ = [
    "Database",
    "DatabaseClosed",
    "IntegrityError",
    "Result",
    "Transaction",
    "TransactionLost",
    "Unavailable",
    "Uncertain",
    "builder",
    "get",
    "json",
    "transaction",
]

IntegrityError: tuple[type[Exception], ...]
"""The classes of the drivers that are loaded, for `except sql.IntegrityError:`."""

_CALLS = ("query", "query_one", "execute", "transaction")


def get(id: str) -> Database:
    """The database of an entry; a bare name means the namespace of the calling entry.

    Raises LookupError for an unknown entry, TypeError for one that is no database.
    """
    database: Database = component(id, "database", "db.sql.*", *_CALLS)
    return database


def json(value: Any) -> Json:
    """A value to be bound as JSON: `jsonb` in PostgreSQL, text in SQLite."""
    return Json(value)


def transaction() -> Transaction:
    """The transaction of the message that is being handled; it ends with the handler.

    Raises RuntimeError in a handler whose consumer has no field `transaction`.
    """
    here = call()
    if isinstance(here.subject, Delivery) and here.subject.transaction is not None:
        return here.subject.transaction
    raise RuntimeError(
        f"'{here.entry}' was not called with a transaction; "
        "give its queue.consumer the field 'transaction', or write `async with db.transaction()`"
    )


def __getattr__(name: str) -> Any:
    if name != "IntegrityError":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    # A manifest without PostgreSQL loads no psycopg; one with it has loaded it before any handler.
    loaded = [sys.modules[driver] for driver in ("sqlite3", "psycopg") if driver in sys.modules]
    return tuple(driver.IntegrityError for driver in loaded)
