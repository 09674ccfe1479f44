"""Blocking: the same database for plain functions in threads, by way of its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runtime.engines.sql.builder.dialect import POSTGRESQL
from runtime.engines.sql.contract import Database, Parameters, Step
from runtime.engines.sql.postgres.attempt import Attempt
from runtime.engines.sql.postgres.loops import check_thread, wait_on
from runtime.engines.sql.postgres.result import Result

if TYPE_CHECKING:
    from runtime.engines.sql.postgres import database as awaited
    from runtime.engines.sql.postgres.transaction import Transaction


class BlockingDatabase:
    """`Database`, for threads: each call blocks until its result is there."""

    dialect = POSTGRESQL

    def __init__(self, database: awaited.Database) -> None:
        self._database = database

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._wait(self._database.query(text, parameters))
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = self._wait(self._database.query_one(text, parameters))
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = self._wait(self._database.execute(text, parameters))
        return result

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        result: Result = self._wait(self._database.executemany(text, rows))
        return result

    def executescript(self, script: str) -> None:
        self._wait(self._database.executescript(script))

    def transaction(self) -> BlockingTransaction:
        """`with database.transaction() as tx:` commits at its end; an exception rolls back."""
        return BlockingTransaction(self._database.transaction())

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            loop = self._database.loop
        except BaseException:
            coroutine.close()
            raise
        return wait_on(loop, coroutine)


class BlockingTransaction:
    """`Transaction`, for threads; `entered` is true of one that somebody else ends."""

    dialect = POSTGRESQL

    def __init__(self, transaction: Transaction, *, entered: bool = False) -> None:
        self._transaction = transaction
        self._was_entered = entered

    @property
    def database(self) -> Database:
        """The database that it belongs to. Raises RuntimeError if it is not entered."""
        return self._transaction.database

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Run a step inside the transaction: see `runtime.engines.sql.contract`."""
        return self._transaction.add(step)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        self._transaction.after_commit(callback)

    def attempt(self) -> Attempt:
        """`with tx.attempt():` undoes its own statements alone if an exception leaves it."""
        return self._transaction.attempt()

    def __enter__(self) -> Self:
        if self._was_entered:
            raise RuntimeError("the transaction is entered already; use it without `with`")
        check_thread()
        self._transaction.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server = self._transaction.leave()
        try:
            wait_on(server.loop, server.end(error is None))
        except BaseException as failure:
            self._transaction.conclude(failure)
            raise
        self._transaction.conclude(error)

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._wait(self._transaction.query(text, parameters))
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = self._wait(self._transaction.query_one(text, parameters))
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = self._wait(self._transaction.execute(text, parameters))
        return result

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        result: Result = self._wait(self._transaction.executemany(text, rows))
        return result

    def executescript(self, script: str) -> None:
        self._wait(self._transaction.executescript(script))

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            loop = self._transaction.entered().loop
        except BaseException:
            coroutine.close()
            raise
        return wait_on(loop, coroutine)
