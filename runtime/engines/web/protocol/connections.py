"""Connections: all clients of one server, and the clock that their deadlines are held against."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from runtime.engines.web.protocol.connection import Connection, Shared
from runtime.engines.web.timeouts import Timeouts


class Connections:
    """All clients of one server, made by `connect` for each one that arrives."""

    def __init__(self, app: ASGIApp, timeouts: Timeouts) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        config.load()
        self._state = ServerState()
        # uvicorn's protocols put themselves into this set; here they are all of ours.
        self._clients = cast("set[Connection]", self._state.connections)
        self._lost = asyncio.Event()
        self._shared = Shared(config=config, state=self._state, timeouts=timeouts, lost=self._lost)

    def connect(self) -> Connection:
        """The protocol of a client that has just arrived."""
        return Connection(self._shared)

    def tick(self) -> None:
        """Write the Date header anew and end what ran out of time. To be called often."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        now = asyncio.get_running_loop().time()
        for connection in list(self._clients):
            if connection.deadline <= now or connection.stalled <= now:
                connection.expire(now)

    def stop(self) -> None:
        """Close the idle ones now, the others with the answers they wait for."""
        self._shared.stopping = True
        for connection in list(self._clients):
            connection.shutdown()

    async def drained(self) -> None:
        """Wait until every handler has ended and every client has its answer."""
        while (running := self._running()) or self._clients:
            if running:
                await asyncio.wait(running)
            else:
                self._lost.clear()
                await self._lost.wait()

    def abort(self) -> set[asyncio.Task[None]]:
        """Cut everything off; return the handlers that were told to end."""
        for connection in list(self._clients):
            connection.transport.abort()
        tasks = self._running()
        for task in tasks:
            task.cancel()
        return tasks

    def _running(self) -> set[asyncio.Task[None]]:
        # One that was cancelled before it began never said that it ended.
        return {task for task in self._state.tasks if not task.done()}
