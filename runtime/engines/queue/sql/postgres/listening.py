"""Listening: hears the notifications of other programs while a session is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from psycopg import Notify

from runtime.engines.queue.sql.postgres.session import Session
from runtime.engines.sql.postgres.connection import Connection
from runtime.engines.sql.postgres.settings import quoted


class Listening:
    """Calls back with the server's process that notifies, and the payload."""

    def __init__(
        self, connection: Connection, channel: str, on_notify: Callable[[int, str], None]
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._on_notify = on_notify

    async def begin(self, session: Session) -> None:
        """Listen from now on."""
        self._connection.add_notify_handler(self._hear)  # what comes while a statement runs
        await session.command(f"LISTEN {quoted(self._channel)}".encode())

    async def wait(self, seconds: float, stop: asyncio.Event) -> None:
        """Listen for so long, or until `stop`. Raises OperationalError if the session has ended."""
        loop = asyncio.get_running_loop()
        pgconn = self._connection.pgconn
        deadline = loop.time() + seconds
        stopped: asyncio.Future[Any] = loop.create_task(stop.wait())
        try:
            while not stop.is_set() and (left := deadline - loop.time()) > 0:
                readable: asyncio.Future[Any] = loop.create_future()
                loop.add_reader(pgconn.socket, _set, readable)
                try:
                    await asyncio.wait(
                        [readable, stopped], timeout=left, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    loop.remove_reader(pgconn.socket)
                if readable.done():
                    pgconn.consume_input()
                    while (notify := pgconn.notifies()) is not None:
                        self._on_notify(notify.be_pid, notify.extra.decode())
        finally:
            stopped.cancel()

    def _hear(self, notify: Notify) -> None:
        self._on_notify(notify.pid, notify.payload)


def _set(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)
