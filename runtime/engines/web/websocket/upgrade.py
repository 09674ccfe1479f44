"""Upgrade: a request that asks for another protocol on its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from runtime.engines.web.exchange import Exchange, ExchangeServer
from runtime.engines.web.response import SWITCHING

if TYPE_CHECKING:
    from runtime.engines.web.protocol.deadlines import Deadlines
    from runtime.engines.web.protocol.flow import Flow
    from runtime.engines.web.protocol.output import Output
    from runtime.engines.web.response import Headers
    from runtime.engines.web.websocket.conversation import Line
    from runtime.engines.web.websocket.websocket import WebSocket

UPGRADE = "runtime.upgrade"
"""Key of the upgrade in the ASGI scope."""
STOPPING = (1012, "the server restarts")
"""The end of a connection whose server stops."""
_FILLER = b"\n"
"""The body of a response with status 101. Middleware may keep the headers until there is one, and
an empty part may get lost in it; the server discards it.
"""


class Successor(Protocol):
    """Another protocol on a connection that began with HTTP. `Connections.tick` has it expire."""

    transport: asyncio.Transport
    deadlines: Deadlines

    def take_over(
        self,
        transport: asyncio.Transport,
        flow: Flow,
        output: Output,
        deadlines: Deadlines,
        leave: Callable[[], None],
        ahead: bytes,
    ) -> None:
        """Begin, with what the client has sent ahead. Calls `leave` once the connection is lost."""
        ...

    def expire(self, now: float) -> None:
        """Act on the deadlines that have passed at `now`, on the loop's clock."""
        ...

    def shutdown(self) -> None:
        """Learn that the server stops."""
        ...


class Upgrade(Protocol):
    """The connection of such a request, as the one who answers it uses it."""

    def offer(self, successor: Successor) -> None:
        """Leave the connection to `successor` once a response with status 101 is sent."""
        ...

    async def is_taken(self) -> bool:
        """Wait for the response. False if it was another one, or the client has gone."""
        ...


class UpgradeExchange(Exchange):
    """The exchange of such a request: to middleware and guards it is a GET."""

    may_switch = True

    __slots__ = ("handshake", "line", "socket", "upgrade")

    handshake: Headers
    """The headers of the answer; set, with `line` and `socket`, before guards are called."""
    line: Line
    socket: WebSocket

    def __init__(self, scope: Scope, receive: Receive, send: Send, server: ExchangeServer) -> None:
        # Removed from the scope, as the fast path is.
        self.upgrade: Upgrade = scope.pop(UPGRADE)
        super().__init__(scope, receive, send, server)

    async def switch(self, successor: Successor, headers: Headers, send: Send) -> None:
        """Answer with status 101 by `send`, which leaves the connection to `successor`.

        Raises ClientDisconnect if it is not left, for middleware has answered otherwise.
        """
        self.upgrade.offer(successor)
        await send({"type": "http.response.start", "status": SWITCHING, "headers": headers})
        await send({"type": "http.response.body", "body": _FILLER, "more_body": True})
        if not await self.upgrade.is_taken():
            raise ClientDisconnect
