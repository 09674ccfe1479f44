"""Server: serves an ASGI application on one address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.types import ASGIApp

from runtime.clock import repeat
from runtime.engines.web.acceptor import Acceptor
from runtime.engines.web.address import BACKLOG, Address, listen
from runtime.engines.web.admission import Admission
from runtime.engines.web.backlog import INTERVAL, BacklogTakeover
from runtime.engines.web.protocol.connections import Connections
from runtime.engines.web.timeouts import Timeouts
from runtime.handlers.fork import drop_descriptor, on_fork
from runtime.service import Ready

_MAX_TICK = 1.0
"""Seconds between two looks at time-outs, at most; the Date header is as old at most."""
_CANCEL_GRACE = 0.25
"""Seconds that cancelled handlers have to return."""


class Load(NamedTuple):
    """The connections of a server, those of their requests that are in progress, and of these the
    event streams and WebSockets.
    """

    connections: int = 0
    requests: int = 0
    streams: int = 0


class Server:
    """Serves `app` on `address`. `run` may be called again after it has returned."""

    def __init__(
        self,
        app: ASGIApp,
        address: Address,
        *,
        timeouts: Timeouts,
        max_connections: int | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "",
        sockets: Sequence[socket.socket] = (),
        has_websockets: Callable[[], bool] = lambda: False,
    ) -> None:
        """`sockets` are bound to the address already: ours first, then those of other workers.
        A request that opens a WebSocket reaches `app` while `has_websockets()`.

        Without `max_connections`, the limit of open files decides. `name` is an entry, for the log.
        """
        self._app = app
        self._address = address
        self._timeouts = timeouts
        self._max_connections = max_connections
        self._tls = tls
        self._name = name
        self._sockets = [*sockets]
        self._listening = [*sockets]
        self._has_websockets = has_websockets
        self._clients: Connections | None = None
        self._acceptor: Acceptor | None = None
        self._admission: Admission | None = None
        on_fork(self._leave_to_parent)

    @property
    def load(self) -> Load:
        """At this moment; nothing before `run`."""
        return Load() if self._clients is None else Load(len(self._clients), self._clients.requests)

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Listen and serve. On `stop`, close the listener, drain and return.

        Raises StartError if the address is not available. Cancellation closes every client at once.
        """
        admission = self._admission = Admission(self._max_connections, self._name)
        clients = self._clients = Connections(
            self._app, self._timeouts, admission, self._has_websockets
        )
        opened = listen(self._address, self._sockets[0] if self._sockets else None)
        self._listening = [opened, *self._sockets]
        name = opened.getsockname()
        where = name  # of a Unix socket
        if not isinstance(name, str):
            address = Address(self._address.host, name[1])
            where = address.url("https" if self._tls else "http")
        acceptor = self._acceptor = Acceptor(
            clients.connect, clients.__len__, admission, self._tls, self._timeouts.header
        )
        close_listener = await self._listen(opened, clients, acceptor)
        others = self._sockets[1:]
        loop = asyncio.get_running_loop()
        stop_ticks = repeat(loop, self._tick_interval, clients.tick)
        takeover = BacklogTakeover(others, acceptor.take_over)
        stop_takeover = repeat(loop, lambda: INTERVAL, takeover.poll) if others else stop_ticks
        try:
            ready(where)
            await stop.wait()
            close_listener()
            stop_takeover()
            # As long as a process has one open, the system queues clients for nobody.
            for each in self._sockets:
                each.close()
            await acceptor.finish()
            clients.stop()
            await clients.drain()
        except BaseException:
            close_listener()
            unfinished = clients.abort()
            if unfinished:
                await asyncio.wait(unfinished, timeout=_CANCEL_GRACE)
            raise
        finally:
            stop_ticks()
            stop_takeover()
            acceptor.close()
            # uvloop closes the listener in the next iteration; a restart needs its port.
            await asyncio.sleep(0)

    def revise(
        self, timeouts: Timeouts, max_connections: int | None, tls: ssl.SSLContext | None
    ) -> None:
        """Change what holds for clients to come. A server without TLS stays one."""
        self._timeouts, self._max_connections, self._tls = timeouts, max_connections, tls
        if self._clients and self._acceptor and self._admission:
            self._clients.limit(timeouts)
            self._acceptor.secure(tls, timeouts.header)
            self._admission.limit(max_connections)

    async def _listen(
        self, opened: socket.socket, clients: Connections, acceptor: Acceptor
    ) -> Callable[[], None]:
        """Accept clients; the returned function closes the socket."""
        loop = asyncio.get_running_loop()
        if self._tls is None and not isinstance(loop, asyncio.SelectorEventLoop):
            # From here on the loop owns the socket: uvloop aborts the process if somebody else
            # closes a socket that it watches.
            listener = await loop.create_server(clients.connect, sock=opened, backlog=BACKLOG)
            return listener.close
        loop.add_reader(opened, acceptor.accept, opened)

        def close() -> None:
            if opened.fileno() >= 0:
                loop.remove_reader(opened)
                opened.close()

        return close

    def _leave_to_parent(self) -> None:
        """In a forked child: else the port stays taken, and clients wait for it, for its life."""
        for each in self._listening:
            drop_descriptor(each.fileno())
        if self._clients is not None:
            self._clients.leave_to_parent()

    def _tick_interval(self) -> float:
        times = self._timeouts
        return min(_MAX_TICK, min(times.header, times.read, times.write, times.idle) / 10)
