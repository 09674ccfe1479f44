"""Exclusive: a lock at the server that one program at a time holds, while it migrates for one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from runtime.engines.sql.postgres.connection import Connection, connect
from runtime.engines.sql.postgres.errors import explain
from runtime.engines.sql.postgres.settings import Settings
from runtime.service import StartError, Unavailable

POLL = 0.1
"""Seconds between two attempts."""


@asynccontextmanager
async def exclusive(settings: Settings, key: str) -> AsyncIterator[None]:
    """Hold the lock of a name within the database's schema.

    It is bound to a connection of its own, with which it ends if the program crashes. Raises
    Unavailable if the server cannot be reached, or was lost meanwhile, and StartError behind a
    pooler without a way around it.
    """
    if settings.lacks_sessions:
        raise StartError(
            f"the lock of '{key}' needs a session of its own, and a pooler lends none; "
            "give the database the address of the server in 'direct'"
        )
    connection = await connect(settings, settings.unlimited(), direct=True)
    try:
        try:
            while not await _take(connection, _number(settings, key)):  # noqa: ASYNC110
                await asyncio.sleep(POLL)
        except psycopg.Error as error:
            raise explain(error, f"the lock of '{key}'") from None
        yield
        if connection.closed or connection.broken:
            raise Unavailable(f"the lock of '{key}' was lost while it was held")
    finally:
        await connection.close()


async def _take(connection: Connection, number: int) -> bool:
    """Try it. A statement that waits for it would have a snapshot, for whose end the holder waits
    in turn if it makes an index concurrently; and no deadlock that PostgreSQL can see."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock($1) AS taken", [number])
    row = await cursor.fetchone()
    return bool(row and row["taken"])


def _number(settings: Settings, key: str) -> int:
    name = f"runtime {settings.schema or ''} {key}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
