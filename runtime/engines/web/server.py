"""Server: serves an ASGI application on one address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence

from starlette.types import ASGIApp

from runtime.engines.web.address import Address, listen
from runtime.engines.web.backlog import INTERVAL, BacklogTakeover
from runtime.engines.web.protocol.connections import Connections
from runtime.engines.web.timeouts import Timeouts
from runtime.service import Ready

_MAX_TICK = 0.5
_CANCEL_GRACE = 0.25
"""Seconds that cancelled handlers have to return."""


class Server:
    """Serves `app` on `address`. `run` may be called again after it has returned."""

    def __init__(
        self,
        app: ASGIApp,
        address: Address,
        *,
        timeouts: Timeouts,
        tls: ssl.SSLContext | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """`sockets` are bound to the address already: ours first, then those of other workers."""
        self._app = app
        self._address = address
        self._timeouts = timeouts
        self._tls = tls
        self._sockets = [*sockets]

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Listen and serve. On `stop`, close the listener, drain and return.

        Raises StartError if the address is not available. Cancellation closes every client at once.
        """
        loop = asyncio.get_running_loop()
        clients = Connections(self._app, self._timeouts)
        opened = listen(self._address, self._sockets[0] if self._sockets else None)
        address = Address(self._address.host, opened.getsockname()[1])
        # From here on the loop owns the socket: uvloop aborts the process if somebody else closes
        # a socket that it watches.
        listener = await loop.create_server(
            clients.connect,
            sock=opened,
            ssl=self._tls,
            ssl_handshake_timeout=self._timeouts.header if self._tls else None,
        )
        others = self._sockets[1:]
        takeover = BacklogTakeover(others, clients.connect, self._tls, self._timeouts.header)
        stop_ticks = _every(self._tick_interval(), clients.tick)
        stop_takeover = _every(INTERVAL, takeover.poll) if others else stop_ticks
        try:
            ready(address.url("https" if self._tls else "http"))
            await stop.wait()
            listener.close()
            stop_takeover()
            # As long as a process has one open, the system queues clients for nobody.
            for each in self._sockets:
                each.close()
            await takeover.finish()
            clients.stop()
            await clients.drain()
        except BaseException:
            listener.close()
            unfinished = clients.abort()
            if unfinished:
                await asyncio.wait(unfinished, timeout=_CANCEL_GRACE)
            raise
        finally:
            stop_ticks()
            stop_takeover()
            # uvloop closes the listener in the next iteration; a restart needs its port.
            await asyncio.sleep(0)

    def _tick_interval(self) -> float:
        times = self._timeouts
        return min(_MAX_TICK, min(times.header, times.read, times.write, times.idle) / 10)


def _every(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call now and every so many seconds; the returned function stops it."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def fire() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, fire)
        call()

    def cancel() -> None:
        if timer is not None:
            timer.cancel()

    fire()
    return cancel
