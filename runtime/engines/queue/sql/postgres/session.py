"""Session: statements on one connection, with the settings that a store needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from psycopg import AsyncRawCursor
from psycopg.pq import Format
from psycopg.rows import tuple_row

from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.settings import Settings, milliseconds

Row = tuple[Any, ...]
T = TypeVar("T")

PINNED = {
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""The statistics of a queue's table are always of another moment: a plan that was made by them took
4,000 times as long. These plans do not depend on them, and cost no planning."""


class Session:
    """Rows are tuples, and values travel in binary."""

    def __init__(self, connection: Connection, *, prepare: bool) -> None:
        """Without `prepare`, each statement is planned anew, for the tables as they are."""
        self._cursor = AsyncRawCursor(connection, row_factory=tuple_row)
        self._cursor.format = Format.BINARY
        self._prepare = prepare

    async def query(self, text: bytes, *values: Any) -> list[Row]:
        """The rows of a statement that has some."""
        await self._cursor.execute(text, values, prepare=self._prepare)
        return await self._cursor.fetchall()

    async def command(self, text: bytes, *values: Any) -> int:
        """Run a statement for its effect. Returns how many rows it changed."""
        await self._cursor.execute(text, values, prepare=self._prepare)
        return self._cursor.rowcount


Work = Callable[[Session], Awaitable[T]]


def session_settings(settings: Settings, *, waits: bool, deadline: float) -> Mapping[str, str]:
    """The settings of a store's session; with `waits`, its commits wait for the disk.

    `deadline` is in seconds, for each statement.
    """
    return {
        **settings.session(),
        **PINNED,
        "synchronous_commit": "on" if waits else "off",
        "statement_timeout": milliseconds(deadline),
        "lock_timeout": milliseconds(deadline / 2),
        "idle_in_transaction_session_timeout": milliseconds(deadline),
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "off",
    }
