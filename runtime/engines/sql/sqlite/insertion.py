"""Insertion: run an INSERT, and find out if it inserted a row, and under which id.

SQLite tells the rowid of the last insert of a *connection*, which all handlers share. Two sorts of
INSERT change rows and leave it as it was, the id of somebody else's row: an upsert that updates,
and an insert into a table WITHOUT ROWID.

They are recognised by a mark, which is inserted into a temporary table before the statement: if it
is the last rowid afterwards, the statement inserted none. That costs as much as a small insert, so
a plain INSERT into a table that is known to have rowids does without.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from runtime.engines.sql.sqlite.managed_connection import ManagedConnection
from runtime.engines.sql.sqlite.parameters import BoundParameters
from runtime.engines.sql.sqlite.result import Result, summary
from runtime.engines.sql.sqlite.statement import Statement

MARK = -(2**63) + 3
"""A rowid that no table gives out by itself."""

_TYPES = "SELECT type, wr FROM pragma_table_list WHERE lower(name) = ?"
_CREATE = "CREATE TEMP TABLE runtime_insertion (id INTEGER PRIMARY KEY)"
_SET = "REPLACE INTO temp.runtime_insertion (id) VALUES (?)"


def insert(
    connection: ManagedConnection, text: str, parameters: BoundParameters, statement: Statement
) -> Result:
    """Run an INSERT whose rows nobody wants."""
    raw = connection.raw
    if _has_rowids(connection, statement.table):
        return summary(raw.execute(text, parameters), statement)
    before = _last(raw)
    if "last_insert_rowid" in text.lower():  # the statement must not see the mark
        result = summary(raw.execute(text, parameters), statement)
        return result._replace(last_insert_id=None) if _last(raw) == before else result
    _mark(raw, MARK)
    try:
        result = summary(raw.execute(text, parameters), statement)
        return result._replace(last_insert_id=None) if _last(raw) == MARK else result
    finally:
        with suppress(sqlite3.Error):  # the error of the statement is the one to raise
            if _last(raw) == MARK:
                _mark(raw, before)


def _has_rowids(connection: ManagedConnection, table: str | None) -> bool:
    """True for an ordinary table; it is remembered until a statement may have changed that.

    Not noticed is another program that drops the table and makes it anew without rowids.
    """
    if table is None:
        return False
    found = connection.raw.execute(_TYPES, (table,)).fetchall()
    if not found or any(row != ("table", 0) for row in found):
        return False
    connection.rowid_tables.add(table)
    return True


def _last(raw: sqlite3.Connection) -> int:
    last: int = raw.execute("SELECT last_insert_rowid()").fetchone()[0]
    return last


def _mark(raw: sqlite3.Connection, id: int) -> None:
    """Make an id the last one that was inserted."""
    try:
        raw.execute(_SET, (id,))
    except sqlite3.OperationalError:  # the table is not there yet, or went with a rollback
        raw.execute(_CREATE)
        raw.execute(_SET, (id,))
