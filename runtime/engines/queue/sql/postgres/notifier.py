"""Notifier: tells other programs that queues have ready messages, after the commits of those."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import psycopg

from runtime.engines.queue.sql.postgres.arrays import Texts
from runtime.engines.queue.sql.postgres.link import Link
from runtime.engines.queue.sql.postgres.session import Session
from runtime.service import Unavailable

INTERVAL = 0.010
"""Least seconds between two notifications."""
_NOTIFY = b"SELECT pg_notify($1, t.queue) FROM unnest($2::text[]) AS t(queue)"
_LONGEST = 63
"""Bytes of a channel's name."""


def channel(schema: str) -> str:
    """The channel of the queues in a schema; two that are too long may share one."""
    return f"runtime_{schema}".encode()[:_LONGEST].decode(errors="ignore")


class Notifier:
    """NOTIFY takes a lock of the whole server until its commit: it is not part of any other one,
    and sent for each queue at most once in an interval.
    """

    def __init__(self, link: Link, schema: str) -> None:
        self.peers = 0
        """The number of other programs that listen. Without any, nothing is sent."""
        self._link = link
        self._channel = channel(schema)
        self._queues: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The server's process that sends ours."""
        return self._link.pid

    def notify(self, queues: Collection[str]) -> None:
        """Tell them soon."""
        if not self.peers:
            return
        self._queues.update(queues)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._queues.clear()

    async def _send(self) -> None:
        try:
            while self._queues:
                queues, self._queues = self._queues, set()

                async def send(session: Session, queues: Collection[str] = queues) -> None:
                    await session.query(_NOTIFY, self._channel, Texts([*queues]))

                await self._link.run(send)
                await asyncio.sleep(INTERVAL)
        except (psycopg.Error, Unavailable):
            self._queues.clear()  # others look once a second
        finally:
            self._task = None
