"""Connections: all clients of one server, and the tick that enforces their time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate

from starlette.types import ASGIApp

from runtime.engines.web.admission import Admission
from runtime.engines.web.protocol.connection import Connection
from runtime.engines.web.protocol.shared import Shared
from runtime.engines.web.timeouts import Timeouts
from runtime.handlers.fork import drop_descriptor


class Connections:
    """All clients of one server. `connect` is the protocol factory of its listener."""

    def __init__(
        self,
        app: ASGIApp,
        timeouts: Timeouts,
        admission: Admission,
        has_websockets: Callable[[], bool] = lambda: False,
    ) -> None:
        self._shared = Shared(
            app=app, timeouts=timeouts, admission=admission, has_websockets=has_websockets
        )
        self._clients = self._shared.clients
        self._closed = self._shared.closed

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def requests(self) -> int:
        """The number of requests in progress."""
        return len(self._shared.tasks)

    def limit(self, timeouts: Timeouts) -> None:
        """Have other time-outs for clients to come."""
        self._shared.timeouts = timeouts

    def connect(self) -> Connection:
        """Make the protocol of a new client."""
        return Connection(self._shared)

    def tick(self) -> None:
        """Update the Date header, expire clients, and log those turned away.

        To be called several times per time-out.
        """
        self._shared.lines = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        now = asyncio.get_running_loop().time()
        self._shared.admission.tick(now)
        for connection in list(self._clients):
            if connection.deadlines.input <= now or connection.deadlines.output <= now:
                connection.expire(now)

    def stop(self) -> None:
        """Start to drain: close idle clients now and the others after their response."""
        self._shared.stopping = True
        for connection in list(self._clients):
            connection.shutdown()

    async def drain(self) -> None:
        """Wait until every handler has returned and every client is closed."""
        while (running := self._running()) or self._clients:
            if running:
                await asyncio.wait(running)
            else:
                self._closed.clear()
                await self._closed.wait()

    def abort(self) -> set[asyncio.Task[None]]:
        """Close every client at once and cancel the handlers, which are returned."""
        for connection in list(self._clients):
            connection.transport.abort()
        tasks = self._running()
        for task in tasks:
            task.cancel()
        return tasks

    def leave_to_parent(self) -> None:
        """In a forked child, let go of every client: it would not see the parent close it."""
        for connection in list(self._clients):
            opened = connection.transport.get_extra_info("socket")
            if opened is not None:
                drop_descriptor(opened.fileno())

    def _running(self) -> set[asyncio.Task[None]]:
        # A task cancelled before its first step has not removed itself.
        return {task for task in self._shared.tasks if not task.done()}
