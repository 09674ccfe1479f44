"""StatementRequest: one statement on its way to a connection, and how to read its result."""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import as_uncertain, explain, explain_copy, is_disk_error
from runtime.engines.sql.sqlite.insertion import insert
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.parameters import BoundParameters, bind
from runtime.engines.sql.sqlite.result import ResultReader, summary
from runtime.engines.sql.sqlite.statement import SOLO, Category, Statement, classify, headline

LARGE = 16 * 2**10
"""Characters or bytes of a value that no interrupt would stop being written."""


class StatementRequest(msgspec.Struct, gc=False):
    """One checked statement; `statement_request` makes it."""

    read: ResultReader
    text: str
    parameters: BoundParameters
    future: ResultFuture
    statement: Statement
    requested_at: float
    grouped: bool

    @property
    def key(self) -> str:
        """By which its duration is remembered."""
        return self.text

    def is_small(self, connection: ManagedConnection) -> bool:
        """True for a change that takes some microseconds, as a rule."""
        statement, parameters = self.statement, self.parameters
        if not statement.changes_rows:
            return False
        table = statement.table
        if statement.inserts and table is not None and table not in connection.rowid_tables:
            return False  # the schema has to be looked at
        for value in parameters.values() if isinstance(parameters, dict) else parameters:
            if (type(value) is str or type(value) is bytes) and len(value) > LARGE:
                return False
        return True

    def run_in_transaction(self, connection: ManagedConnection) -> Completion:
        """Run inside the open transaction, unless its caller was cancelled."""
        if self.future.cancelled():
            return self.future, None, None
        try:
            statement = self.statement
            if statement.alters or (
                statement.inserts and statement.table not in connection.rowid_tables
            ):
                return self.future, self._run(connection), None
            cursor = connection.raw.execute(self.text, self.parameters)
            return self.future, self.read(cursor, statement), None
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
                lambda: self._run(connection), self.requested_at, 0 if reads else 1
            )
        except Exception as error:
            if not reads and is_disk_error(error):
                error = as_uncertain(error)
            return self.future, None, explain(error, self.text)
        return self.future, result, None

    def _run(self, connection: ManagedConnection) -> Any:
        statement = self.statement
        if statement.inserts:
            if statement.table not in connection.rowid_tables and self.read is summary:
                return insert(connection, self.text, self.parameters, statement)
        elif statement.alters:
            connection.rowid_tables.clear()
        return self.read(connection.raw.execute(self.text, self.parameters), statement)

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
    if read is summary and statement.category is Category.READ:
        raise ValueError(
            f"execute() returns no rows; use query() or query_one() for '{headline(text)}'"
        )
    grouped = statement.category is not SOLO
    return StatementRequest(read, text, bind(parameters), future, statement, monotonic(), grouped)
