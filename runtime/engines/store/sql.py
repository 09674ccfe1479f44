"""SqlStore: values as rows of a database, shared by all programs on it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from runtime.clock import Clock, wait_for
from runtime.engines.sql.contract import (
    BlockingDatabase,
    BlockingTransaction,
    Database,
    JoinableTransaction,
    Transaction,
)
from runtime.engines.store.operations import (
    AT_ONCE,
    COLLATIONS,
    TABLE,
    Operations,
    Query,
    Statements,
)
from runtime.loggers import logger
from runtime.service import Ready, Unavailable

PURGE = 60.0
"""Seconds between two deletions of what has expired."""
T = TypeVar("T")

log = logger("runtime.store")


class SqlStore:
    """The values of one store, by its name in the database."""

    def __init__(
        self, id: str, name: str, database: Database, max_value: int, clock: Clock
    ) -> None:
        self._id = id
        self._database = database
        self._clock = clock
        self._operations = Operations(name, max_value, clock)
        self.blocking = BlockingSqlStore(id, self._operations, database)

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
            change = self._operations.purge()
            result = await self._database.execute(change.text, change.parameters)
            if result.rows_affected < AT_ONCE:
                return

    async def get(
        self, key: str, default: Any = None, *, transaction: Transaction | None = None
    ) -> Any:
        return await self._run(self._operations.get(key, default), transaction)

    async def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> None:
        await self._run(self._operations.set(key, value, ttl), transaction)

    async def delete(self, key: str, *, transaction: Transaction | None = None) -> bool:
        return await self._run(self._operations.delete(key), transaction)

    async def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> bool:
        work = self._operations.compare_and_set(key, expected, value, ttl)
        return await self._run(work, transaction)

    async def keys(
        self, prefix: str = "", limit: int = 1000, after: str | None = None
    ) -> list[str]:
        return await self._run(self._operations.keys(prefix, limit, after), None)

    async def _run(self, statements: Statements[T], transaction: Transaction | None) -> T:
        check_database(transaction, self._database, self._id)
        on = transaction or self._database
        answer: Any = None
        while True:
            try:
                statement = statements.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            run = on.query if isinstance(statement, Query) else on.execute
            answer = await run(statement.text, statement.parameters)


class BlockingSqlStore:
    """`SqlStore`, for threads."""

    def __init__(self, id: str, operations: Operations, database: Database) -> None:
        self._id = id
        self._operations = operations
        self._database = database

    def get(
        self, key: str, default: Any = None, *, transaction: BlockingTransaction | None = None
    ) -> Any:
        return self._run(self._operations.get(key, default), transaction)

    def set(
        self,
        key: str,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> None:
        self._run(self._operations.set(key, value, ttl), transaction)

    def delete(self, key: str, *, transaction: BlockingTransaction | None = None) -> bool:
        return self._run(self._operations.delete(key), transaction)

    def compare_and_set(
        self,
        key: str,
        expected: Any,
        value: Any,
        ttl: float | str | None = None,
        *,
        transaction: BlockingTransaction | None = None,
    ) -> bool:
        work = self._operations.compare_and_set(key, expected, value, ttl)
        return self._run(work, transaction)

    def keys(self, prefix: str = "", limit: int = 1000, after: str | None = None) -> list[str]:
        return self._run(self._operations.keys(prefix, limit, after), None)

    def _run(self, statements: Statements[T], transaction: BlockingTransaction | None) -> T:
        check_database(transaction, self._database, self._id)
        on: BlockingDatabase | BlockingTransaction = transaction or self._database.blocking
        answer: Any = None
        while True:
            try:
                statement = statements.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            run = on.query if isinstance(statement, Query) else on.execute
            answer = run(statement.text, statement.parameters)


def check_database(transaction: JoinableTransaction | None, database: Database, id: str) -> None:
    """Raise ValueError for a transaction of another database."""
    if transaction is not None and transaction.database is not database:
        raise ValueError(
            f"the transaction is of {transaction.database.label}, and '{id}' keeps its values in "
            f"{database.label}"
        )
