"""Plain: `sqlite3` and `asyncio.Queue` used directly, in one thread."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks import task


def transactions(synchronous: str, seconds: float, rows: int = 1) -> float:
    """Rows inserted a second, with `rows` in a transaction."""
    created = task.new("uppercase", {"text": "the quick brown fox jumps"})
    payload = task.row(created)[1:]
    with tempfile.TemporaryDirectory() as folder:
        connection = task.connect(str(Path(folder, "tasks.db")), synchronous)
        began, done = perf_counter(), 0
        while (now := perf_counter()) - began < seconds:
            if rows > 1:
                connection.execute("BEGIN IMMEDIATE")
            for _ in range(rows):
                connection.execute(task.INSERT, (f"{done:036}", *payload))
                done += 1
            if rows > 1:
                connection.execute("COMMIT")
        connection.close()
    return done / (now - began)


def asyncio_queue(seconds: float) -> float:
    """Messages a second through an `asyncio.Queue` to two workers that do nothing."""

    async def main() -> float:
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue(1000)
        message = {"action": "uppercase"}

        async def work() -> None:
            while True:
                await queue.get()

        workers = [asyncio.create_task(work()) for _ in range(2)]
        began, done = perf_counter(), 0
        while (now := perf_counter()) - began < seconds:
            for _ in range(100):
                await queue.put(message)
            done += 100
        for worker in workers:
            worker.cancel()
        return done / (now - began)

    return asyncio.run(main())


LIMITS: dict[str, Callable[[float], float]] = {
    "sqlite3, a row a transaction, NORMAL": lambda seconds: transactions("NORMAL", seconds),
    "sqlite3, a row a transaction, FULL": lambda seconds: transactions("FULL", seconds),
    "sqlite3, 100 rows a transaction, NORMAL": lambda seconds: transactions("NORMAL", seconds, 100),
    "sqlite3, 100 rows a transaction, FULL": lambda seconds: transactions("FULL", seconds, 100),
    "asyncio.Queue, a handler that does nothing": asyncio_queue,
}
"""Functions that run for so many seconds and return a rate."""
