"""Blocking: the same database for plain functions in threads, without a detour over the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from runtime.engines.sql.builder.dialect import SQLITE
from runtime.engines.sql.contract import Database, Parameters, Step
from runtime.engines.sql.sqlite.completion import ResultFuture, ThreadFuture
from runtime.engines.sql.sqlite.reentrancy import enter, leave
from runtime.engines.sql.sqlite.statement_request import (
    Result,
    ResultReader,
    all_rows,
    first_row,
    summary,
)
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

Submit = Callable[[ResultReader, str, Parameters, ResultFuture], None]


class BlockingDatabase:
    """Like `Database`, for threads: each call waits for its outcome."""

    dialect = SQLITE

    def __init__(self, submit: Submit, hold: Callable[[], WriterTransaction]) -> None:
        self._submit = submit
        self._open = hold

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = _outcome(self._submit, all_rows, text, parameters)
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = _outcome(self._submit, first_row, text, parameters)
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = _outcome(self._submit, summary, text, parameters)
        return result

    def transaction(self) -> BlockingTransaction:
        """`with database.transaction() as tx:` commits at the end, an exception rolls back."""
        return BlockingTransaction(self._open)


class BlockingTransaction:
    """Like `Transaction`, for threads."""

    dialect = SQLITE

    def __init__(self, hold: Callable[[], WriterTransaction]) -> None:
        self._open = hold
        self._hold: WriterTransaction | None = None

    @classmethod
    def of(cls, hold: WriterTransaction) -> BlockingTransaction:
        """The transaction that somebody else entered, and ends."""
        transaction = cls(lambda: hold)
        transaction._hold = hold
        return transaction

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

    def __enter__(self) -> Self:
        if self._hold is not None and self._hold.open:
            raise RuntimeError("the transaction is entered already; use it without `with`")
        if self._hold is not None:
            raise RuntimeError("the transaction has ended; open another one")
        self._hold = self._open()
        enter(self._hold)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        hold = self._entered()
        leave(hold)
        waiter = ThreadFuture()
        hold.end(error is None, waiter)
        if error is None:
            waiter.wait()  # a roll-back needs no waiting: whatever comes next is behind it

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = _outcome(self._entered().submit, all_rows, text, parameters)
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = _outcome(self._entered().submit, first_row, text, parameters)
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = _outcome(self._entered().submit, summary, text, parameters)
        return result

    def _entered(self) -> WriterTransaction:
        if self._hold is None:
            raise RuntimeError("the transaction is not entered; write `with`")
        return self._hold


def _outcome(submit: Submit, take: ResultReader, text: str, parameters: Parameters) -> Any:
    if _on_event_loop():
        raise RuntimeError(
            "a blocking call would stop the event loop; in an `async def` use runtime.modules.sql"
        )
    waiter = ThreadFuture()
    submit(take, text, parameters, waiter)
    return waiter.wait()


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
