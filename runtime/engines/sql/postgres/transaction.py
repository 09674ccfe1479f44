"""Transaction: several statements that are committed together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from runtime.engines.sql.builder.dialect import POSTGRESQL
from runtime.engines.sql.contract import Database, Parameters, Step
from runtime.engines.sql.postgres.attempt import Attempt
from runtime.engines.sql.postgres.blocking import BlockingTransaction
from runtime.engines.sql.postgres.loops import on_loop
from runtime.engines.sql.postgres.result import Result, all_rows, first_row, summary
from runtime.engines.sql.postgres.server_transaction import ServerTransaction
from runtime.engines.sql.reentrancy import enter, leave

Begin = Callable[[], ServerTransaction]


class Transaction:
    """The value of `async with database.transaction()`; see `ServerTransaction`."""

    dialect = POSTGRESQL

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._transaction: ServerTransaction | None = None

    async def __aenter__(self) -> Self:
        self.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server = self.leave()
        try:
            await on_loop(server.loop, server.end(error is None))
        except BaseException as failure:
            self.conclude(failure)
            raise
        self.conclude(error)

    def enter(self) -> None:
        """Begin, in the context of the caller; nothing is sent yet."""
        if self._transaction is not None and self._transaction.is_open:
            raise RuntimeError("the transaction is entered already; use it without `with`")
        if self._transaction is not None:
            raise RuntimeError("the transaction has ended; open another one")
        self._transaction = self._begin()
        enter(self._transaction)

    def leave(self) -> ServerTransaction:
        """Leave it, in the context of the caller; what is left is its end."""
        transaction = self.entered()
        leave(transaction)
        return transaction

    def conclude(self, error: BaseException | None) -> None:
        """Called once it has ended, in the context of the caller."""

    @property
    def database(self) -> Database:
        """The database that it belongs to. Raises RuntimeError if it is not entered."""
        return self.entered().database

    def add(self, step: Step) -> asyncio.Future[Any]:
        """Run a step inside the transaction: see `runtime.engines.sql.contract`."""
        return self.entered().add(step)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the running event loop once it is committed; never if it is rolled back."""
        self.entered().after_commit(callback)

    def attempt(self) -> Attempt:
        """`async with tx.attempt():` undoes its own statements alone if an exception leaves it."""
        return Attempt(self.entered())

    @property
    def blocking(self) -> BlockingTransaction:
        """The same transaction, for a plain function in a thread."""
        return BlockingTransaction(self, entered=True)

    def abandon(self) -> None:
        """Roll back now; every further use raises."""
        self.entered().abandon()

    async def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        server = self.entered()
        rows: list[dict[str, Any]] = await on_loop(
            server.loop, server.submit(all_rows, text, parameters)
        )
        return rows

    async def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        server = self.entered()
        row: dict[str, Any] | None = await on_loop(
            server.loop, server.submit(first_row, text, parameters)
        )
        return row

    async def execute(self, text: str, parameters: Parameters = ()) -> Result:
        server = self.entered()
        result: Result = await on_loop(server.loop, server.submit(summary, text, parameters))
        return result

    async def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        server = self.entered()
        result: Result = await on_loop(server.loop, server.submit_many(text, rows))
        return result

    async def executescript(self, script: str) -> None:
        server = self.entered()
        await on_loop(server.loop, server.submit_script(script))

    def entered(self) -> ServerTransaction:
        if self._transaction is None:
            raise RuntimeError("the transaction is not entered; write `async with`")
        self._transaction.check_process()
        return self._transaction
