"""Compound: statements that are done together or not at all: one for many rows, and a script."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.sqlite.completion import Completion, ResultFuture, deliver
from runtime.engines.sql.sqlite.errors import explain, explain_copy
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.parameters import BoundParameters, bind
from runtime.engines.sql.sqlite.result import Result
from runtime.engines.sql.sqlite.script import ScriptStatement, split
from runtime.engines.sql.sqlite.statement import classify, headline
from runtime.engines.sql.sqlite.work_queue import closed_error

_PLAIN = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class CompoundRequest(ABC):
    """Statements on their way to the writer, which runs them in one transaction or savepoint."""

    __slots__ = ("_place", "_text", "future", "requested_at")
    grouped = True

    def __init__(self, text: str, future: ResultFuture) -> None:
        self.future = future
        self.requested_at = monotonic()
        self._text = text
        """The statement that runs now, for errors."""
        self._place = ""
        """Its place among the others."""

    @property
    @abstractmethod
    def statements(self) -> int:
        """The number of statements, for telemetry."""

    @abstractmethod
    def _run(self, connection: ManagedConnection) -> Any:
        """Run all of them; `_place` and `_text` name the one that failed."""

    def run_in_transaction(self, connection: ManagedConnection) -> Completion:
        """Run inside the open transaction, which goes on without them if one fails."""
        if self.future.cancelled():
            return self.future, None, None
        raw = connection.raw
        try:
            raw.execute("SAVEPOINT compound")
            result = self._run(connection)
            raw.execute("RELEASE compound")
        except Exception as error:
            connection.record_error(error)
            connection.rowid_tables.clear()
            if raw.in_transaction:
                with suppress(sqlite3.Error):
                    raw.execute("ROLLBACK TO compound")
                    raw.execute("RELEASE compound")
            return self.future, None, self._explain(error)
        return self.future, result, None

    def run_alone(self, connection: ManagedConnection) -> Completion:
        """Run in a transaction of their own."""
        if self.future.cancelled():
            return self.future, None, None
        try:
            connection.begin(self.requested_at)
            result = self._run(connection)
            self._place = ""
            connection.commit(self.statements)
        except Exception as error:
            connection.rollback(error)
            return self.future, None, self._explain(error)
        return self.future, result, None

    def failed(self, error: Exception) -> Completion:
        """The completion for an error that other requests have as well."""
        return self.future, None, explain_copy(error, self._text)

    def refuse(self, error: Exception) -> None:
        """Settle the future without running anything."""
        deliver([(self.future, None, error)])

    def _explain(self, error: Exception) -> Exception:
        explained = explain(error, self._text)
        if self._place:
            explained.args = (f"{self._place}: {explained}", *explained.args[1:])
        return explained


class ManyRequest(CompoundRequest):
    """One statement, run once for each row of parameters."""

    __slots__ = ("_rows",)

    def __init__(self, text: str, rows: Sequence[BoundParameters], future: ResultFuture) -> None:
        super().__init__(text, future)
        self._rows = rows

    @property
    def statements(self) -> int:
        return len(self._rows)

    def _run(self, connection: ManagedConnection) -> Result:
        raw = connection.raw
        text = self._text.lstrip().upper()
        if text.startswith(_PLAIN) and "RETURNING" not in text:  # all that `executemany` takes
            rows = raw.executemany(self._text, self._each(connection)).rowcount
            return Result(max(rows, 0), None)
        count = 0
        for row in self._each(connection):
            raw.execute(self._text, row).fetchall()
            count += raw.execute("SELECT changes()").fetchone()[0]
        return Result(count, None)

    def _each(self, connection: ManagedConnection) -> Iterator[BoundParameters]:
        for number, row in enumerate(self._rows, 1):
            _check_not_abandoned(connection)
            self._place = f"row {number}"
            yield row


class ScriptRequest(CompoundRequest):
    """The statements of a script."""

    __slots__ = ("_statements",)
    grouped = False

    def __init__(self, statements: Sequence[ScriptStatement], future: ResultFuture) -> None:
        super().__init__(statements[0].text, future)
        self._statements = statements

    @property
    def statements(self) -> int:
        return len(self._statements)

    def _run(self, connection: ManagedConnection) -> None:
        raw = connection.raw
        for each in self._statements:
            _check_not_abandoned(connection)
            self._place, self._text = each.place, each.text
            if each.statement.alters:
                connection.rowid_tables.clear()
            for _ in raw.execute(each.text):
                pass
            if not raw.in_transaction:
                raise RuntimeError("the statement ended the transaction of the script")


def many_request(text: str, rows: Iterable[Parameters], future: ResultFuture) -> ManyRequest:
    """Make a request. Raises TypeError and ValueError for arguments that SQLite cannot take."""
    if not isinstance(text, str):
        raise TypeError(f"the statement is of type {type(text).__name__}, wanted str")
    if not classify(text).changes_rows:
        raise ValueError(
            f"executemany() is for INSERT, UPDATE, DELETE and REPLACE, not for '{headline(text)}'"
        )
    if isinstance(rows, str | bytes | bytearray | Mapping) or not isinstance(rows, Iterable):
        raise TypeError(f"the rows are of type {type(rows).__name__}, wanted a list of parameters")
    return ManyRequest(text, [_bind(number, row) for number, row in enumerate(rows, 1)], future)


def _bind(number: int, row: Parameters) -> BoundParameters:
    try:
        return bind(row)
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {number}: {error}") from None


def script_request(text: str, future: ResultFuture) -> ScriptRequest:
    """Make a request. Raises TypeError and ValueError for what is no script of one transaction."""
    if not isinstance(text, str):
        raise TypeError(f"the script is of type {type(text).__name__}, wanted str")
    return ScriptRequest(split(text), future)


def _check_not_abandoned(connection: ManagedConnection) -> None:
    """Raise DatabaseClosed between two statements if nobody waits for the rest."""
    if connection.is_abandoned():
        raise closed_error(connection.settings.name, "it is stopping")
