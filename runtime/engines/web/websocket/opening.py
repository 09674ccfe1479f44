"""Opening: from a request that opens a WebSocket to the conversation with its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec

from runtime.clock import Clock
from runtime.engines.web.arguments import caller
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response_builder import ResponseBuilder
from runtime.engines.web.routes import Handler
from runtime.engines.web.websocket.conversation import Conversation
from runtime.engines.web.websocket.frames import Frames
from runtime.engines.web.websocket.handshake import shake_hands
from runtime.engines.web.websocket.origins import Origins
from runtime.engines.web.websocket.upgrade import UpgradeExchange
from runtime.engines.web.websocket.websocket import WebSocket
from runtime.handlers.arguments.signature import Caller


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a client: what it may send, and how long it may be silent."""

    max_message: int
    """Bytes."""
    backlog: int
    """Messages that wait for the handler before no more are read."""
    ping: float
    """Seconds."""


def socket_of(exchange: Exchange) -> WebSocket:
    assert isinstance(exchange, UpgradeExchange)
    return exchange.socket


def socket_caller(path: str, parameters: Sequence[str], namespace: str) -> Caller:
    """The caller of a handler of WebSockets on a path that has these parameters."""
    request = caller("GET", path, parameters, namespace, blocking=False)
    given = {type: get for type, get in request.given.items() if type is not ResponseBuilder}
    late = "its answer is the connection; send a message"
    return msgspec.structs.replace(
        request,
        name=f"the WebSocket {path}",
        given={**given, WebSocket: socket_of},
        foreign={**request.foreign, ResponseBuilder: late},
        no_body="a WebSocket's request has none",
    )


class Opening:
    """Opens the WebSockets of one entry, of which there may be `max_connections` at once."""

    def __init__(
        self,
        limits: Limits,
        origins: Origins,
        subprotocols: Sequence[str],
        max_connections: int | None,
        clock: Clock,
    ) -> None:
        self._limits = limits
        self._origins = origins
        self._subprotocols = subprotocols
        self._max_connections = max_connections
        self._clock = clock
        self._open = 0

    def before(self, handler: Handler) -> Handler:
        """Check the handshake before guards and handler are called."""

        async def answer(exchange: Exchange) -> Any:
            assert isinstance(exchange, UpgradeExchange)
            self._origins.check(exchange)
            limits = self._limits
            exchange.handshake, subprotocol = shake_hands(exchange, self._subprotocols)
            line = exchange.line = Frames(
                max_message=limits.max_message, backlog=limits.backlog, ping=limits.ping
            )
            exchange.socket = WebSocket(line, exchange.request, subprotocol)
            return await handler(exchange)

        return answer

    def conversing(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The last of the handlers: it answers with the conversation that `call` leads."""

        async def converse(exchange: UpgradeExchange, *arguments: Any) -> Conversation:
            handle = partial(call, exchange, *arguments)
            return Conversation(exchange, handle, self._admit, self._clock)

        return converse

    @contextmanager
    def _admit(self) -> Iterator[None]:
        if self._max_connections is not None and self._open >= self._max_connections:
            text = "as many of these connections are open as there may be"
            raise HTTPError(503, text, headers={"Retry-After": "1"})
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
