"""Result: the effect of a statement, and how the results of statements are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from psycopg import AsyncRawCursor
from psycopg.pq import Format
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow

from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.statement import Statement

Cursor = AsyncRawCursor[DictRow]
ResultReader = Callable[[Cursor], Awaitable[Any]]

_MOST = 4096
_RECORD = 2249  # its fields have types of their own
_binary: dict[bytes, bool] = {}
"""For each statement that returned columns, whether all of them can be read in binary."""
_CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE")


class Result(NamedTuple):
    """The effect of a statement. PostgreSQL has no id of the last row: use RETURNING."""

    rows_affected: int
    last_insert_id: None = None


async def run(statement: Statement, values: list[Any], raw: Connection) -> Cursor:
    """Send a statement.

    Its rows come as text at first, and in binary, which is faster, once its columns are known to be
    of types that psycopg reads so. Of others, such as an enum, it would return raw bytes.
    """
    text = statement.placeholders.text
    binary = _binary.get(text, False)
    cursor: Any = raw.cursor(binary=binary)
    await cursor.execute(text, values)
    sent: Cursor = cursor
    if not binary and text not in _binary and sent.pgresult is not None and sent.pgresult.nfields:
        if len(_binary) >= _MOST:
            _binary.clear()
        _binary[text] = _is_binary(sent.pgresult, raw)
    return sent


def _is_binary(result: PGresult, raw: Connection) -> bool:
    types = {result.ftype(column) for column in range(result.nfields)}
    loaders = raw.adapters
    return _RECORD not in types and all(loaders.get_loader(oid, Format.BINARY) for oid in types)


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
