"""sql: databases, for handlers.

    db = sql.get("app:db")
    rows = await db.query("SELECT * FROM tasks WHERE status = ?", ("new",))
    async with db.transaction() as tx:
        await tx.execute("UPDATE tasks SET status = ?", ("done",))
    await db.executemany("INSERT INTO tasks (name) VALUES (?)", [("a",), ("b",)])

In a handler whose consumer has the field `transaction`, these writes and the acknowledgement of the
message are committed together:

    await sql.transaction().execute("INSERT INTO results VALUES (?)", (result,))

`sql.builder` writes SQL from checked names. Errors of the database's driver, such as those of
`sqlite3`, are raised as they are, except for locks and disk errors: those are `Unavailable`.
"""

from __future__ import annotations

from runtime.engines.queue.delivery import Delivery
from runtime.engines.sql import builder
from runtime.engines.sql.contract import (
    Database,
    DatabaseClosed,
    Result,
    Transaction,
    TransactionLost,
)
from runtime.handlers.context import call
from runtime.service import Unavailable

__all__ = [
    "Database",
    "DatabaseClosed",
    "Result",
    "Transaction",
    "TransactionLost",
    "Unavailable",
    "builder",
    "get",
    "transaction",
]

_CALLS = ("query", "query_one", "execute", "transaction")


def get(id: str) -> Database:
    """The database of an entry; a bare name means the namespace of the calling entry.

    Raises LookupError for an unknown entry, TypeError for one that is no database.
    """
    here = call()
    component = here.scope.component(id, here.entry.namespace)
    if all(hasattr(component, name) for name in _CALLS):
        database: Database = component
        return database
    raise TypeError(f"'{id}' is no database; name an entry of kind db.sql.*")


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
