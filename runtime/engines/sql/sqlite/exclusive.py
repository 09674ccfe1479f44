"""Exclusive: a lock beside a database file that one program at a time holds."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.engines.sql.sqlite.connection import Settings
from runtime.service import Unavailable

POLL = 0.05
"""Seconds between two attempts: nobody says when a lock of a file is free."""


@asynccontextmanager
async def exclusive(settings: Settings, key: str) -> AsyncIterator[None]:
    """Hold the lock of a name; of a database in memory nobody else has a part.

    A file of its own, since a lock of the database itself would keep its writer out, and to close
    that file would drop SQLite's own locks.
    """
    if settings.in_memory:
        yield
        return
    path = f"{settings.file}-{re.sub('[^A-Za-z0-9_.-]', '.', key)}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, settings.file_mode)
    except OSError as error:
        raise Unavailable(f"the lock '{path}' cannot be opened: {error.strerror}") from None
    try:
        while not _take(descriptor):  # noqa: ASYNC110, another program has it
            await asyncio.sleep(POLL)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
