"""Exclusive: a lock at the server that one program at a time holds, while it migrates for one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from runtime.engines.sql.postgres.connection import connect
from runtime.engines.sql.postgres.errors import explain
from runtime.engines.sql.postgres.settings import Settings
from runtime.service import Unavailable


@asynccontextmanager
async def exclusive(settings: Settings, key: str) -> AsyncIterator[None]:
    """Hold the lock of a name within the database's schema.

    It is bound to a connection of its own, with which it ends if the program crashes. Raises
    Unavailable if the server cannot be reached, or was lost meanwhile.
    """
    session = {**settings.session(), "statement_timeout": "0", "lock_timeout": "0"}
    connection = await connect(settings, session, direct=True)
    try:
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", [_number(settings, key)])
        except psycopg.Error as error:
            raise explain(error, f"the lock of '{key}'") from None
        yield
        if connection.closed or connection.broken:
            raise Unavailable(f"the lock of '{key}' was lost while it was held")
    finally:
        await connection.close()


def _number(settings: Settings, key: str) -> int:
    name = f"runtime {settings.schema or ''} {key}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
