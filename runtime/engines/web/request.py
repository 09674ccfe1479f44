"""Request: what a client asks, as a handler reads it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from starlette.datastructures import State
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.requests import Request as StarletteRequest
from starlette.types import Receive, Scope, Send

from runtime import codec
from runtime.engines.web.fast_path import FastPath
from runtime.engines.web.problem import HTTPError


class Request(StarletteRequest[State]):
    """Starlette's request, whose body has a limit and whose JSON is strict.

    `body()`, `json()` and `stream()` raise `HTTPError` 413 beyond `max_body` bytes, and
    ClientDisconnect when the client has gone. `json()` asks for no Content-Type.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        direct: FastPath | None,
        max_body: int,
        announced: int,
    ) -> None:
        # What Starlette's two constructors do, without their calls: this is made per request.
        self.scope = scope
        self._receive = receive
        self._send = send
        self._stream_consumed = False
        self._is_disconnected = False
        self._form = None
        self._direct = direct
        self._max_body = max_body
        self._announced = announced

    async def body(self) -> bytes:
        return self._body if hasattr(self, "_body") else await self._read()

    async def json(self) -> Any:
        """Decode the body. Raises `HTTPError` 400 for whatever is not one JSON document."""
        if not hasattr(self, "_json"):
            self._json = decoded(self._body if hasattr(self, "_body") else await self._read())
        return self._json

    async def stream(self) -> AsyncGenerator[bytes, None]:
        # Before the first `receive`, which tells a client that waits for `100 Continue` to send.
        self._refuse_beyond(self._announced)
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            self._refuse_beyond(size)
            yield chunk

    async def _read(self) -> bytes:
        if self._stream_consumed:
            raise RuntimeError("the body was read as a stream, or is too large; read it once")
        # Before the first `receive`, which tells a client that waits for `100 Continue` to send.
        self._refuse_beyond(self._announced)
        self._stream_consumed = True
        if self._direct is not None and (whole := self._direct.body()) is not None:
            self._refuse_beyond(len(whole))
            self._body = whole
            return whole
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            # Of the two messages that come here, the one of a lost client has no body.
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
                raise ClientDisconnect
            data: bytes = message.get("body", b"")
            size += len(data)
            self._refuse_beyond(size)
            if not message.get("more_body", False):
                self._body = b"".join([*chunks, data]) if chunks else data
                return self._body
            chunks.append(data)

    def _refuse_beyond(self, size: int) -> None:
        if size > self._max_body:
            raise HTTPError(413, f"the body is larger than {self._max_body} bytes")


class BlockingRequest(HTTPConnection[State]):
    """The request of a plain `def` handler: its body was read before the handler began.

    Like `Request`, with `body()` and `json()` that return at once and are not awaited.
    """

    def __init__(self, request: Request, body: bytes) -> None:
        super().__init__(request.scope)
        self._body = body

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    def body(self) -> bytes:
        return self._body

    def json(self) -> Any:
        """Decode the body. Raises `HTTPError` 400 for whatever is not one JSON document."""
        if not hasattr(self, "_json"):
            self._json = decoded(self._body)
        return self._json


def decoded(body: bytes) -> Any:
    """The JSON document that a body holds. Raises `HTTPError` 400 with the reason for anything else."""
    if not body:
        raise HTTPError(400, "the body is empty; send a JSON document")
    try:
        return codec.decode(body)
    except codec.InvalidJSON as error:
        raise HTTPError(400, f"the body is not valid JSON: {error}") from None
