"""Job: one statement on its way to a connection, and what to bring back from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import explained, is_of_the_disk, shared, uncertain
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.parameters import Bound, bind
from runtime.engines.sql.sqlite.statement import SOLO, Sort, Statement, classify


class Result(NamedTuple):
    """What a statement did. `last_insert_id` is None unless it inserted a row."""

    rows_affected: int
    last_insert_id: int | None


# Made for every change, and `Result(…)` itself is written in Python: three times as slow.
_result: Callable[[tuple[int, int | None]], Result] = partial(tuple.__new__, Result)

ResultReader = Callable[[sqlite3.Cursor, Statement], Any]
"""Reads off an executed cursor what the caller asked for, and leaves the statement finished."""


class StatementRequest(msgspec.Struct, gc=False):
    """One statement, checked; `request` makes them."""

    take: ResultReader
    text: str
    parameters: Bound
    waiter: ResultFuture
    statement: Statement
    asked: float
    grouped: bool

    def attempt(self, session: ManagedConnection) -> Completion:
        """Run inside of a transaction, unless nobody waits for it any more."""
        if self.waiter.cancelled():
            return self.waiter, None, None
        try:
            cursor = session.connection.execute(self.text, self.parameters)
            return self.waiter, self.take(cursor, self.statement), None
        except Exception as error:
            session.note(error)
            return self.waiter, None, explained(error, self.text)

    def alone(self, session: ManagedConnection) -> Completion:
        """Run outside of any transaction, unless nobody waits for it any more."""
        if self.waiter.cancelled():
            return self.waiter, None, None
        try:
            result = session.alone(lambda: self._run(session.connection), self.asked)
        except Exception as error:
            if self.statement.sort is not Sort.READ and is_of_the_disk(error):
                error = uncertain(error)
            return self.waiter, None, explained(error, self.text)
        return self.waiter, result, None

    def _run(self, connection: sqlite3.Connection) -> Any:
        return self.take(connection.execute(self.text, self.parameters), self.statement)

    def failed(self, error: Exception) -> Completion:
        """The outcome of an error that others have as well."""
        return self.waiter, None, shared(error, self.text)

    def refuse(self, error: Exception) -> None:
        """Answer without having run."""
        deliver([(self.waiter, None, error)])


def statement_request(
    take: ResultReader, text: str, parameters: Parameters, waiter: ResultFuture
) -> StatementRequest:
    """Make a request. Raises TypeError and ValueError for what SQLite cannot be given."""
    if not isinstance(text, str):
        raise TypeError(f"the statement is of type {type(text).__name__}, wanted str")
    statement = classify(text)
    grouped = statement.sort is not SOLO
    return StatementRequest(take, text, bind(parameters), waiter, statement, monotonic(), grouped)


def all_rows(cursor: sqlite3.Cursor, statement: Statement) -> list[dict[str, Any]]:
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=False)) for row in cursor]


def first_row(cursor: sqlite3.Cursor, statement: Statement) -> dict[str, Any] | None:
    if statement.sort is not Sort.READ:
        # A change is only whole when its last row has been fetched.
        return next(iter(all_rows(cursor, statement)), None)
    row = cursor.fetchone()
    names = [column[0] for column in cursor.description or ()]
    cursor.close()
    return None if row is None else dict(zip(names, row, strict=False))


def summary(cursor: sqlite3.Cursor, statement: Statement) -> Result:
    if cursor.description is not None:
        cursor.fetchall()
    rows = cursor.rowcount if statement.changes_rows else 0
    if rows < 0:  # `sqlite3` does not see the change behind a WITH
        rows = cursor.connection.execute("SELECT changes()").fetchone()[0]
    return _result((rows, cursor.lastrowid if rows and statement.inserts else None))
