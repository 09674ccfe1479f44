"""Request: a client's request as a handler reads it."""

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
    """Starlette's request with a limit on the body and strict JSON.

    `body()`, `json()` and `stream()` raise `HTTPError` 413 beyond `max_body` bytes, and
    ClientDisconnect if the client has gone. `json()` ignores the Content-Type.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        fast_path: FastPath | None,
        max_body: int,
        content_length: int,
    ) -> None:
        # Inlines Starlette's two constructors, whose calls every request would pay for.
        self.scope = scope
        self._receive = receive
        self._send = send
        self._stream_consumed = False
        self._is_disconnected = False
        self._form = None
        self._fast_path = fast_path
        self._max_body = max_body
        self._content_length = content_length

    async def body(self) -> bytes:
        return self._body if hasattr(self, "_body") else await self._read()

    async def json(self) -> Any:
        """Decode the body. Raises `HTTPError` 400 unless it is exactly one JSON document."""
        if not hasattr(self, "_json"):
            self._json = _decode(self._body if hasattr(self, "_body") else await self._read())
        return self._json

    async def stream(self) -> AsyncGenerator[bytes, None]:
        # Before the first `receive`, which sends `100 Continue`.
        self._check_size(self._content_length)
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            self._check_size(size)
            yield chunk

    async def _read(self) -> bytes:
        if self._stream_consumed:
            raise RuntimeError("the body was read as a stream, or is too large; read it once")
        # Before the first `receive`, which sends `100 Continue`.
        self._check_size(self._content_length)
        self._stream_consumed = True
        if self._fast_path is not None and (body := self._fast_path.read_body()) is not None:
            self._check_size(len(body))
            self._body = body
            return body
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
                raise ClientDisconnect
            data: bytes = message.get("body", b"")
            size += len(data)
            self._check_size(size)
            if not message.get("more_body", False):
                self._body = b"".join([*chunks, data]) if chunks else data
                return self._body
            chunks.append(data)

    def _check_size(self, size: int) -> None:
        if size > self._max_body:
            raise HTTPError(413, f"the body is larger than {self._max_body} bytes")


class BlockingRequest(HTTPConnection[State]):
    """The request of a plain `def` handler, whose body was read before the handler started.

    Like `Request`, but `body()` and `json()` return at once and are not awaited.
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
        """Decode the body. Raises `HTTPError` 400 unless it is exactly one JSON document."""
        if not hasattr(self, "_json"):
            self._json = _decode(self._body)
        return self._json


def _decode(body: bytes) -> Any:
    """Decode a body. Raises `HTTPError` 400, with the reason, unless it is one JSON document."""
    if not body:
        raise HTTPError(400, "the body is empty; send a JSON document")
    try:
        return codec.decode(body)
    except codec.InvalidJSON as error:
        raise HTTPError(400, f"the body is not valid JSON: {error}") from None
