"""sql: databases, for handlers that are a plain `def`.

db = sql.get("app:db")
rows = db.query("SELECT * FROM tasks WHERE status = ?", ("new",))
with db.transaction() as tx:
    tx.execute("UPDATE tasks SET status = ?", ("done",))
"""

from __future__ import annotations

from runtime.engines.sql.contract import BlockingDatabase, BlockingTransaction, Result
from runtime.modules import sql
from runtime.modules.sql import DatabaseClosed, TransactionLost, Unavailable, builder

__all__ = [
    "BlockingDatabase",
    "BlockingTransaction",
    "DatabaseClosed",
    "Result",
    "TransactionLost",
    "Unavailable",
    "builder",
    "get",
    "transaction",
]


def get(id: str) -> BlockingDatabase:
    """The database of an entry, as `runtime.modules.sql.get` finds it."""
    return sql.get(id).blocking


def transaction() -> BlockingTransaction:
    """The transaction of the message, as `runtime.modules.sql.transaction` finds it."""
    return sql.transaction().blocking
