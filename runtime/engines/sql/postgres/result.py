"""Result: the effect of a statement, and how the results of statements are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from psycopg import AsyncRawCursor
from psycopg.rows import DictRow

from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.statement import Statement

Cursor = AsyncRawCursor[DictRow]
ResultReader = Callable[[Cursor], Awaitable[Any]]

_CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE")


class Result(NamedTuple):
    """The effect of a statement. PostgreSQL has no id of the last row: use RETURNING."""

    rows_affected: int
    last_insert_id: None = None


async def run(statement: Statement, values: list[Any], raw: Connection) -> Cursor:
    """Send a statement, whose rows come as bytes and not as text."""
    cursor: Any = raw.cursor(binary=True)
    await cursor.execute(statement.placeholders.text, values)
    sent: Cursor = cursor
    return sent


async def all_rows(cursor: Cursor) -> list[dict[str, Any]]:
    return [] if cursor.description is None else await cursor.fetchall()


async def first_row(cursor: Cursor) -> dict[str, Any] | None:
    return None if cursor.description is None else await cursor.fetchone()


async def summary(cursor: Cursor) -> Result:
    return Result(rows_affected(cursor))


def rows_affected(cursor: Cursor) -> int:
    """The number of rows that a statement changed, which is none for a SELECT."""
    if (cursor.statusmessage or "").startswith(_CHANGES):
        return max(cursor.rowcount, 0)
    return 0
