"""StatementRequest: one statement on its way to a connection, and how to read its result."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import as_uncertain, explain, explain_copy, is_disk_error
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.parameters import BoundParameters, bind
from runtime.engines.sql.sqlite.statement import SOLO, Category, Statement, classify


class Result(NamedTuple):
    """The effect of a statement. `last_insert_id` is None unless it inserted a row."""

    rows_affected: int
    last_insert_id: int | None


# Made for every change, and `Result(…)` itself is written in Python: three times as slow.
_result: Callable[[tuple[int, int | None]], Result] = partial(tuple.__new__, Result)

ResultReader = Callable[[sqlite3.Cursor, Statement], Any]
"""Reads the result off an executed cursor, and leaves the statement finished."""


class StatementRequest(msgspec.Struct, gc=False):
    """One checked statement; `statement_request` makes it."""

    read: ResultReader
    text: str
    parameters: BoundParameters
    future: ResultFuture
    statement: Statement
    requested_at: float
    grouped: bool

    def run_in_transaction(self, connection: ManagedConnection) -> Completion:
        """Run inside the open transaction, unless its caller was cancelled."""
        if self.future.cancelled():
            return self.future, None, None
        try:
            cursor = connection.raw.execute(self.text, self.parameters)
            return self.future, self.read(cursor, self.statement), None
        except Exception as error:
            connection.record_error(error)
            return self.future, None, explain(error, self.text)

    def run_alone(self, connection: ManagedConnection) -> Completion:
        """Run outside of any transaction, unless its caller was cancelled."""
        if self.future.cancelled():
            return self.future, None, None
        reads = self.statement.category is Category.READ
        try:
            result = connection.autocommit(
                lambda: self._run(connection.raw), self.requested_at, 0 if reads else 1
            )
        except Exception as error:
            if not reads and is_disk_error(error):
                error = as_uncertain(error)
            return self.future, None, explain(error, self.text)
        return self.future, result, None

    def _run(self, connection: sqlite3.Connection) -> Any:
        return self.read(connection.execute(self.text, self.parameters), self.statement)

    def failed(self, error: Exception) -> Completion:
        """The completion for an error that other requests have as well."""
        return self.future, None, explain_copy(error, self.text)

    def refuse(self, error: Exception) -> None:
        """Settle the future without running the statement."""
        deliver([(self.future, None, error)])


def statement_request(
    read: ResultReader, text: str, parameters: Parameters, future: ResultFuture
) -> StatementRequest:
    """Make a request. Raises TypeError and ValueError for arguments that SQLite cannot take."""
    if not isinstance(text, str):
        raise TypeError(f"the statement is of type {type(text).__name__}, wanted str")
    statement = classify(text)
    grouped = statement.category is not SOLO
    return StatementRequest(read, text, bind(parameters), future, statement, monotonic(), grouped)


def all_rows(cursor: sqlite3.Cursor, statement: Statement) -> list[dict[str, Any]]:
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=False)) for row in cursor]


def first_row(cursor: sqlite3.Cursor, statement: Statement) -> dict[str, Any] | None:
    if statement.category is not Category.READ:
        # A change is only complete once its last row has been fetched.
        return next(iter(all_rows(cursor, statement)), None)
    row = cursor.fetchone()
    names = [column[0] for column in cursor.description or ()]
    cursor.close()
    return None if row is None else dict(zip(names, row, strict=False))


def summary(cursor: sqlite3.Cursor, statement: Statement) -> Result:
    if cursor.description is not None:
        cursor.fetchall()
    rows = cursor.rowcount if statement.changes_rows else 0
    if rows < 0:  # `sqlite3` does not count the changes of a statement that begins with WITH
        rows = cursor.connection.execute("SELECT changes()").fetchone()[0]
    return _result((rows, cursor.lastrowid if rows and statement.inserts else None))
