"""SqlStore: values as rows of a database, shared by all programs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from runtime.clock import Clock, wait_for
from runtime.engines.sql.contract import (
    BlockingDatabase,
    BlockingTransaction,
    Database,
    JoinableTransaction,
    Transaction,
)
from runtime.engines.store.blocking import BlockingStore
from runtime.engines.store.contract import KeyValueStore
from runtime.engines.store.statements import (
    AT_ONCE,
    COLLATIONS,
    TABLE,
    Query,
    Statements,
    StoreStatements,
)
from runtime.loggers import logger
from runtime.service import Ready, Unavailable

PURGE = 60.0
"""Seconds between two deletions of what has expired."""

log = logger("runtime.store")


class SqlStore(KeyValueStore):
    """The values of one store, by its name in the database."""

    def __init__(
        self, id: str, name: str, database: Database, max_value: int, clock: Clock
    ) -> None:
        self._statements = StoreStatements(name, max_value, clock)
        super().__init__(self._statements)
        self.blocking = BlockingSqlStore(id, self._statements, database)
        self._id = id
        self._database = database
        self._clock = clock

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        async with self._database.exclusive("runtime_store"):
            collation = COLLATIONS.get(self._database.dialect.name, "")
            await self._database.executescript(TABLE.format(collation=collation))
        ready()
        while not await wait_for(stop, PURGE, self._clock):
            try:
                await self._purge(stop)
            except Unavailable as error:
                log.debug("%s: nothing is purged: %s", self._id, error, extra={"entry": self._id})

    async def _purge(self, stop: asyncio.Event) -> None:
        """Delete what has expired."""
        while not stop.is_set():
            change = self._statements.purge()
            result = await self._database.execute(change.text, change.parameters)
            if result.rows_affected < AT_ONCE:
                return

    async def _run(
        self, transaction: Transaction | None, operation: Callable[..., Any], *arguments: Any
    ) -> Any:
        _check_database(transaction, self._database, self._id)
        on = transaction or self._database
        statements: Statements[Any] = operation(*arguments)
        answer: Any = None
        while True:
            try:
                statement = statements.send(answer)
            except StopIteration as end:
                return end.value
            run = on.query if isinstance(statement, Query) else on.execute
            answer = await run(statement.text, statement.parameters)


class BlockingSqlStore(BlockingStore):
    """Runs the same statements in the thread that calls."""

    def __init__(self, id: str, statements: StoreStatements, database: Database) -> None:
        super().__init__(statements)
        self._id = id
        self._database = database

    def _run(
        self,
        transaction: BlockingTransaction | None,
        operation: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        _check_database(transaction, self._database, self._id)
        on: BlockingDatabase | BlockingTransaction = transaction or self._database.blocking
        statements: Statements[Any] = operation(*arguments)
        answer: Any = None
        while True:
            try:
                statement = statements.send(answer)
            except StopIteration as end:
                return end.value
            run = on.query if isinstance(statement, Query) else on.execute
            answer = run(statement.text, statement.parameters)


def _check_database(transaction: JoinableTransaction | None, database: Database, id: str) -> None:
    """Raise ValueError for a transaction of another database."""
    if transaction is not None and transaction.database is not database:
        raise ValueError(
            f"the transaction is of {transaction.database.label}, and '{id}' keeps its values in "
            f"{database.label}"
        )
