"""Compound: `executemany` and `executescript`, statements that are done together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from runtime.engines.sql.contract import Parameters
from runtime.engines.sql.postgres.connection import Connection, connect
from runtime.engines.sql.postgres.parameters import bind
from runtime.engines.sql.postgres.result import Result, rows_affected
from runtime.engines.sql.postgres.script import ScriptStatement
from runtime.engines.sql.postgres.settings import Settings
from runtime.engines.sql.postgres.statement import headline, parse_inside

_BATCH = 500
"""Rows that are sent before their results are read."""


class Placed(Exception):
    """An error of one of several statements: `place` is its beginning, `text` the statement."""

    def __init__(self, error: psycopg.Error, place: str, text: str) -> None:
        super().__init__(place)
        self.error = error
        self.place = place
        self.text = text


class Many:
    """A statement and its rows of parameters, copied and checked."""

    def __init__(self, text: str, rows: Iterable[Parameters]) -> None:
        self._text = text
        self.statement = parse_inside(text)
        self._rows: list[list[Any]] = []
        if self.statement.reads:
            raise ValueError(
                f"executemany() is for INSERT, UPDATE, DELETE and MERGE, not for '{headline(text)}'"
            )
        for number, row in enumerate(rows, 1):
            try:
                self._rows.append(bind(self.statement.placeholders, row))
            except (TypeError, ValueError) as error:
                error.args = (f"row {number}: {error}",)
                raise

    def __len__(self) -> int:
        return len(self._rows)

    async def run(self, raw: Connection) -> Result:
        """Run it for all rows, inside a transaction. An error names the first row that failed."""
        affected = 0
        text = self.statement.placeholders.text
        for start in range(0, len(self._rows), _BATCH):
            batch = self._rows[start : start + _BATCH]
            cursors: list[Any] = []
            try:
                async with raw.pipeline():
                    for values in batch:
                        cursor: Any = raw.cursor()
                        cursors.append(cursor)
                        await cursor.execute(text, values)
            except psycopg.Error as error:
                done = sum(cursor.pgresult is not None for cursor in cursors)
                raise Placed(error, f"row {start + done + 1}: ", self._text) from None
            affected += sum(map(rows_affected, cursors))
        return Result(affected)


async def run_script(statements: Sequence[ScriptStatement], raw: Connection) -> None:
    """Run statements one after the other, inside a transaction. An error names the one it is in."""
    for statement in statements:
        try:
            await raw.execute(statement.text.encode())
        except psycopg.Error as error:
            raise Placed(error, f"{statement.place}: ", statement.text) from None


async def run_outside(settings: Settings, statements: Sequence[ScriptStatement]) -> None:
    """Run statements outside of a transaction, on a connection of their own without time-outs.

    Raises Placed, ValueError, StartError and Unavailable.
    """
    if settings.lacks_sessions:
        raise ValueError(
            "a pooler lends its connections for transactions only; "
            "give the database the address of the server in 'direct'"
        )
    connection = await connect(settings, settings.unlimited(), direct=True)
    try:
        await run_script(statements, connection)
    finally:
        await connection.close()
