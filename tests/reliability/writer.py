"""Threads of one more program that write rows to a database: `writer FILE SECONDS THREADS`."""

from __future__ import annotations

import asyncio
import sys
import time

from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database

PAUSE = 0.02


async def write(file: str, seconds: float, threads: int) -> None:
    settings = Settings(file=file, label="a.db", name="app:db", busy_timeout=5.0, file_mode=0o600)
    database = Database(settings, transaction_timeout=3.0)
    ready, stop = asyncio.Event(), asyncio.Event()
    service = asyncio.create_task(database.run(lambda where="": ready.set(), stop))
    await ready.wait()
    await database.execute("CREATE TABLE IF NOT EXISTS written (n)")
    until = time.monotonic() + seconds
    await asyncio.gather(*(asyncio.to_thread(insert, database, until) for _ in range(threads)))
    stop.set()
    await service


def insert(database: Database, until: float) -> None:
    while time.monotonic() < until:
        database.blocking.execute("INSERT INTO written VALUES (?)", [1])
        time.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
