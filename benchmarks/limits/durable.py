"""Durable: the task application by hand, with a table as queue, `synchronous = NORMAL`.

python benchmarks/limits/durable.py PORT

A POST is answered when its message is committed. A message is deleted in the transaction that
inserts its row, so a kill loses none and repeats none.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

from benchmarks import task
from benchmarks.limits.composite import insert, serve_tasks, transaction
from benchmarks.limits.server import decode, encode

TABLE = "CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)"
PUBLISH = "INSERT INTO messages (body) VALUES (?)"
TAKE = "SELECT seq, body FROM messages ORDER BY seq LIMIT 256"
DELETE = "DELETE FROM messages WHERE seq <= ?"


class TableQueue:
    """Messages as rows; those of one turn of the event loop are published by one commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.execute(TABLE)
        self.arrival = asyncio.Event()
        self.arrival.set()  # messages of an earlier run
        self._connection = connection
        self._bodies: list[tuple[bytes]] = []
        self._committed: asyncio.Future[None] | None = None

    async def publish(self, created: dict[str, Any]) -> None:
        self._bodies.append((encode(created),))
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._committed = loop.create_future()
            loop.call_soon(self._commit)
        await self._committed

    async def work(self) -> None:
        while True:
            await self.arrival.wait()
            messages = self._connection.execute(TAKE).fetchall()
            if not messages:
                self.arrival.clear()
                continue
            with transaction(self._connection):
                insert(self._connection, [decode(body) for _, body in messages])
                self._connection.execute(DELETE, (messages[-1][0],))
            await asyncio.sleep(0)

    def _commit(self) -> None:
        assert self._committed is not None
        with transaction(self._connection):
            self._connection.executemany(PUBLISH, self._bodies)
        self._committed.set_result(None)
        self._bodies, self._committed = [], None
        self.arrival.set()


if __name__ == "__main__":
    queue = TableQueue(task.connect())
    serve_tasks(queue.publish, queue.work)
