"""WebSocket: one connection for messages both ways, as handlers use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from starlette.requests import ClientDisconnect

from runtime import codec
from runtime.codec import InvalidJSON
from runtime.engines.web.refusal import Refusal
from runtime.engines.web.request import Request
from runtime.handlers.arguments.document import document
from runtime.handlers.arguments.faults import Unfit

_IN_A_TURN = 16
"""Messages that a handler which never waits may have before others get their turn."""


class End(NamedTuple):
    """The reason why a connection ended: RFC 6455's code, 1006 if the client just went."""

    code: int
    reason: str = ""


class Disconnected(ClientDisconnect):
    """The connection has ended. A handler need not catch it: it is no failure."""

    def __init__(self, end: End) -> None:
        super().__init__(f"the connection has ended: {end.code} {end.reason}".rstrip())
        self.code, self.reason = end


class Wire(Protocol):
    """The messages on a connection."""

    @property
    def end(self) -> End | None:
        """The end of the connection; None while it is open."""
        ...

    async def receive(self) -> str | bytes | None:
        """The next message; None once the last one was returned and the connection has ended."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send a message once the client has taken enough of those before. Raises Disconnected."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection. Raises ValueError for a code that may not be sent."""
        ...


class WebSocket:
    """One connection. Iterate over it for its messages, texts as `str` and binary ones as `bytes`:
    the loop ends with the connection.

    The other methods raise Disconnected once that has ended. Tasks may share a connection: each
    message is received by one of them, and sent whole.
    """

    def __init__(self, wire: Wire, request: Request, subprotocol: str | None) -> None:
        self.request = request
        """The request that opened it: its headers, cookies, query, `client` and `state`."""
        self.subprotocol = subprotocol
        """The one that was agreed on, if any."""
        self._wire = wire
        self._turn = 0

    async def receive(self) -> str | bytes:
        """The next message."""
        await self._give_others_a_turn()
        message = await self._wire.receive()
        if message is None:
            raise Disconnected(self._wire.end or End(1006))
        return message

    async def receive_json(self, type: Any = Any) -> Any:
        """The next message as JSON, of a type that a body may have as well.

        Raises `http.Error` 400 for one that is no JSON, 422 with all faults for one of another
        type. Uncaught, it closes the connection with 4400 or 4422.
        """
        return _decoded(await self.receive(), document(type))

    async def json(self, type: Any = Any) -> AsyncIterator[Any]:
        """Iterate over the messages as JSON of a type. Raises as `receive_json` does."""
        wanted = document(type)
        async for message in self:
            yield _decoded(message, wanted)

    def __aiter__(self) -> WebSocket:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except Disconnected:
            raise StopAsyncIteration from None

    async def send(self, value: Any) -> None:
        """Send `str` as a text, `bytes` as a binary message, and anything else as JSON.

        Waits while the client takes too little of what was sent before. Raises NotJSON.
        """
        if isinstance(value, bytearray | memoryview):
            value = bytes(value)
        elif not isinstance(value, str | bytes):
            value = codec.encode_response(value).decode()
        await self._give_others_a_turn()
        await self._wire.send(value)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection, with at most 123 bytes of a reason. Does nothing if it has ended.

        Codes of applications are 4000 to 4999. Raises ValueError for one that may not be sent.
        """
        self._wire.close(code, reason)

    async def _give_others_a_turn(self) -> None:
        self._turn += 1
        if self._turn % _IN_A_TURN == 0:
            await asyncio.sleep(0)


def _decoded(message: str | bytes, wanted: Any) -> Any:
    try:
        return wanted.decode(message.encode() if isinstance(message, str) else message)
    except (Unfit, InvalidJSON) as error:
        refusal = Refusal({})
        refusal.add_body(error)
        raise refusal.error() from None
