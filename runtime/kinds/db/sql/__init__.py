"""SQL databases: the contract of every kind below `db.sql`."""

from __future__ import annotations

from runtime.engines.sql.contract import (
    BlockingDatabase,
    BlockingTransaction,
    Database,
    DatabaseClosed,
    JoinableTransaction,
    Parameters,
    Result,
    Row,
    Step,
    Transaction,
    TransactionLost,
)

__all__ = [
    "BlockingDatabase",
    "BlockingTransaction",
    "Database",
    "DatabaseClosed",
    "JoinableTransaction",
    "Parameters",
    "Result",
    "Row",
    "Step",
    "Transaction",
    "TransactionLost",
]
