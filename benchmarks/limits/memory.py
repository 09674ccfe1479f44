"""Memory: the task application by hand, with an `asyncio.Queue`.

python benchmarks/limits/memory.py PORT
"""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks import task
from benchmarks.limits.composite import insert, serve_tasks, transaction

queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()


async def work() -> None:
    connection = task.connect()
    while True:
        tasks = [await queue.get()]
        while not queue.empty():
            tasks.append(queue.get_nowait())
        with transaction(connection):
            insert(connection, tasks)


if __name__ == "__main__":
    serve_tasks(queue.put, work)
