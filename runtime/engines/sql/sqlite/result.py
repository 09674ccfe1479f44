"""Result: the effect of a statement, and how the results of statements are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from runtime.engines.sql.sqlite.statement import Category, Statement


class Result(NamedTuple):
    """The effect of a statement. `last_insert_id` is None unless it inserted a row."""

    rows_affected: int
    last_insert_id: int | None


# Made for every change, and `Result(…)` itself is written in Python: three times as slow.
_result: Callable[[tuple[int, int | None]], Result] = partial(tuple.__new__, Result)

ResultReader = Callable[[sqlite3.Cursor, Statement], Any]
"""Reads the result off an executed cursor, and leaves the statement finished."""


def all_rows(cursor: sqlite3.Cursor, statement: Statement) -> list[dict[str, Any]]:
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=False)) for row in cursor]


def few_rows(cursor: sqlite3.Cursor, most: int) -> list[dict[str, Any]] | None:
    """All rows of a query, or None if there are more than that many."""
    rows = cursor.fetchmany(most + 1)
    names = [column[0] for column in cursor.description or ()]
    cursor.close()
    return None if len(rows) > most else [dict(zip(names, row, strict=False)) for row in rows]


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
