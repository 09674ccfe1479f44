"""sql: databases, for handlers that are a plain `def`.

db = sql.get("app:db")
rows = db.query("SELECT * FROM tasks WHERE status = ?", ("new",))
with db.transaction() as tx:
    tx.execute("UPDATE tasks SET status = ?", ("done",))
"""

from __future__ import annotations

from typing import Any

from runtime.engines.sql.contract import BlockingDatabase, BlockingTransaction, Result
from runtime.modules import sql
from runtime.modules.sql import (
    DatabaseClosed,
    TransactionLost,
    Unavailable,
    Uncertain,
    builder,
    json,
)

__all__ = [
    "BlockingDatabase",
    "BlockingTransaction",
    "DatabaseClosed",
    "IntegrityError",
    "Result",
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


def get(id: str) -> BlockingDatabase:
    """The database of an entry, as `runtime.modules.sql.get` finds it."""
    return sql.get(id).blocking


def transaction() -> BlockingTransaction:
    """The transaction of the message, as `runtime.modules.sql.transaction` finds it."""
    return sql.transaction().blocking


def __getattr__(name: str) -> Any:
    return getattr(sql, name)
