"""Server: listens on one address and serves an ASGI application until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence

from starlette.types import ASGIApp

from runtime.engines.web.address import Address, listen
from runtime.engines.web.backlog import PATIENCE, BacklogTakeover
from runtime.engines.web.protocol.connections import Connections
from runtime.engines.web.timeouts import Timeouts
from runtime.service import Ready

_TICK = 0.5
_UNWIND = 0.25


class Server:
    """Serves `app` on `address`. May be run again after it has stopped."""

    def __init__(
        self,
        app: ASGIApp,
        address: Address,
        *,
        timeouts: Timeouts,
        tls: ssl.SSLContext | None = None,
        bound: Sequence[socket.socket] = (),
    ) -> None:
        """`bound` are sockets that have the address already: ours, then those of other workers."""
        self._app = app
        self._address = address
        self._timeouts = timeouts
        self._tls = tls
        self._bound = [*bound]

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Listen, be ready, and on `stop` refuse new clients and answer those there are.

        Raises StartError for an address that cannot be had. Cancelled, it cuts every client off.
        """
        loop = asyncio.get_running_loop()
        clients = Connections(self._app, self._timeouts)
        opened = listen(self._address, self._bound[0] if self._bound else None)
        address = Address(self._address.host, opened.getsockname()[1])
        # From here on the loop owns the socket: to close it beside a loop that still watches it
        # aborts the process under uvloop.
        listener = await loop.create_server(
            clients.connect,
            sock=opened,
            ssl=self._tls,
            ssl_handshake_timeout=self._timeouts.header if self._tls else None,
        )
        rescue = BacklogTakeover(self._bound[1:], clients.connect, self._tls, self._timeouts.header)
        end_ticks = _every(self._tick(), clients.tick)
        end_rescue = _every(PATIENCE, rescue.look) if self._bound[1:] else end_ticks
        try:
            ready(address.url("https" if self._tls else "http"))
            await stop.wait()
            listener.close()
            end_rescue()
            # While any process holds one, clients get in and wait for nobody.
            for bound in self._bound:
                bound.close()
            await rescue.finished()
            clients.stop()
            await clients.drained()
        except BaseException:
            listener.close()
            unfinished = clients.abort()
            if unfinished:
                await asyncio.wait(unfinished, timeout=_UNWIND)
            raise
        finally:
            end_ticks()
            end_rescue()
            # uvloop closes a listener in the loop's next turn; a restart needs its port.
            await asyncio.sleep(0)

    def _tick(self) -> float:
        limits = self._timeouts
        return min(_TICK, min(limits.header, limits.read, limits.write, limits.idle) / 10)


def _every(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call again and again; what is returned ends it."""
    loop = asyncio.get_running_loop()

    timer: asyncio.TimerHandle | None = None

    def turn() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, turn)
        call()

    def end() -> None:
        if timer is not None:
            timer.cancel()

    turn()
    return end
