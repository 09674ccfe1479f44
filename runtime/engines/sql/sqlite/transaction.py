"""Transaction: several statements that are committed together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from runtime.engines.sql.builder.dialect import SQLITE
from runtime.engines.sql.contract import Database, Parameters, Step
from runtime.engines.sql.reentrancy import enter, leave
from runtime.engines.sql.sqlite.attempt import Attempt
from runtime.engines.sql.sqlite.blocking import Begin, BlockingTransaction
from runtime.engines.sql.sqlite.compound import many_request, script_request
from runtime.engines.sql.sqlite.result import Result, all_rows, first_row, summary
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction


class Transaction:
    """The value of `async with database.transaction()`; see `WriterTransaction`.

    A statement that fails raises, and the transaction goes on without it, as in SQLite itself.
    """

    dialect = SQLITE

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._transaction: WriterTransaction | None = None

    async def __aenter__(self) -> Self:
        if self._transaction is not None and self._transaction.is_open:
            raise RuntimeError("the transaction is entered already; use it without `async with`")
        if self._transaction is not None:
            raise RuntimeError("the transaction has ended; open another one")
        self._transaction = self._begin()
        enter(self._transaction)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        transaction = self._entered()
        leave(transaction)
        future: asyncio.Future[Any] = asyncio.Future()
        transaction.end(error is None, future)
        if error is None:
            await future  # a rollback needs no waiting: all later work is queued behind it

    @property
    def database(self) -> Database:
        """The database that it belongs to. Raises RuntimeError if it is not entered."""
        return self._entered().database

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Run a step inside the transaction: see `runtime.engines.sql.contract`."""
        return self._entered().add(step)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        self._entered().after_commit(callback)

    def attempt(self) -> Attempt:
        """A part that is undone by itself if an exception leaves its block."""
        return Attempt(self.execute)

    @property
    def blocking(self) -> BlockingTransaction:
        """The same transaction, for a plain function in a thread."""
        return BlockingTransaction(self._begin, self._entered())

    def abandon(self) -> None:
        """Roll back now; every further use raises."""
        self._entered().end(False, asyncio.Future())

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(all_rows, text, parameters, future)
        rows: list[dict[str, Any]] = await future
        return rows

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(first_row, text, parameters, future)
        row: dict[str, Any] | None = await future
        return row

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().submit(summary, text, parameters, future)
        result: Result = await future
        return result

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().enqueue(many_request(text, rows, future))
        result: Result = await future
        return result

    async def executescript(self, script: str) -> None:
        future: asyncio.Future[Any] = asyncio.Future()
        self._entered().enqueue(script_request(script, future))
        await future

    def _entered(self) -> WriterTransaction:
        if self._transaction is None:
            raise RuntimeError("the transaction is not entered; write `async with`")
        return self._transaction
