"""Blocking: the same database for plain functions in threads, without a detour over the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Self

from runtime.engines.sql.builder.dialect import SQLITE
from runtime.engines.sql.contract import Database, Parameters, Step
from runtime.engines.sql.reentrancy import enter, leave
from runtime.engines.sql.sqlite.attempt import BlockingAttempt
from runtime.engines.sql.sqlite.completion import ResultFuture, ThreadFuture
from runtime.engines.sql.sqlite.compound import CompoundRequest, many_request, script_request
from runtime.engines.sql.sqlite.result import Result, ResultReader, all_rows, first_row, summary
from runtime.engines.sql.sqlite.writer_transaction import WriterTransaction

Submit = Callable[[ResultReader, str, Parameters, ResultFuture], None]
Enqueue = Callable[[CompoundRequest], None]
Begin = Callable[[], WriterTransaction]


class BlockingDatabase:
    """`Database`, for threads: each call blocks until its result is there."""

    dialect = SQLITE

    def __init__(self, submit: Submit, enqueue: Enqueue, begin: Begin) -> None:
        self._submit = submit
        self._enqueue = enqueue
        self._begin = begin

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = _wait(self._submit, all_rows, text, parameters)
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = _wait(self._submit, first_row, text, parameters)
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = _wait(self._submit, summary, text, parameters)
        return result

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        result: Result = _wait_for(self._enqueue, partial(many_request, text, rows))
        return result

    def executescript(self, script: str) -> None:
        _wait_for(self._enqueue, partial(script_request, script))

    def transaction(self) -> BlockingTransaction:
        """`with database.transaction() as tx:` commits at its end; an exception rolls back."""
        return BlockingTransaction(self._begin)


class BlockingTransaction:
    """`Transaction`, for threads.

    `entered` is the transaction of somebody else, who also ends it.
    """

    dialect = SQLITE

    def __init__(self, begin: Begin, entered: WriterTransaction | None = None) -> None:
        self._begin = begin
        self._transaction = entered

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

    def attempt(self) -> BlockingAttempt:
        """A part that is undone by itself if an exception leaves its block."""
        return BlockingAttempt(self.execute)

    def __enter__(self) -> Self:
        if self._transaction is not None and self._transaction.is_open:
            raise RuntimeError("the transaction is entered already; use it without `with`")
        if self._transaction is not None:
            raise RuntimeError("the transaction has ended; open another one")
        self._transaction = self._begin()
        enter(self._transaction)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        transaction = self._entered()
        leave(transaction)
        future = ThreadFuture()
        transaction.end(error is None, future)
        if error is None:
            future.wait()  # a rollback needs no waiting: all later work is queued behind it

    def query(self, text: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = _wait(self._entered().submit, all_rows, text, parameters)
        return rows

    def query_one(self, text: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = _wait(self._entered().submit, first_row, text, parameters)
        return row

    def execute(self, text: str, parameters: Parameters = ()) -> Result:
        result: Result = _wait(self._entered().submit, summary, text, parameters)
        return result

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        result: Result = _wait_for(self._entered().enqueue, partial(many_request, text, rows))
        return result

    def executescript(self, script: str) -> None:
        _wait_for(self._entered().enqueue, partial(script_request, script))

    def _entered(self) -> WriterTransaction:
        if self._transaction is None:
            raise RuntimeError("the transaction is not entered; write `with`")
        return self._transaction


def _wait(submit: Submit, read: ResultReader, text: str, parameters: Parameters) -> Any:
    _check_thread()
    future = ThreadFuture()
    submit(read, text, parameters, future)
    return future.wait()


def _wait_for(enqueue: Enqueue, request: Callable[[ThreadFuture], CompoundRequest]) -> Any:
    _check_thread()
    future = ThreadFuture()
    enqueue(request(future))
    return future.wait()


def _check_thread() -> None:
    """Raise RuntimeError on an event loop, which a call that blocks would stop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "a blocking call would stop the event loop; in an `async def` use runtime.modules.sql"
    )
