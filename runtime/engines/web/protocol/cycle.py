"""Cycle: one request and its response, as the application sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Protocol, cast

from starlette.types import ASGIApp, Message

from runtime.engines.web.protocol.flow import Flow
from runtime.engines.web.protocol.output import Output, discard
from runtime.engines.web.response import BAD_NAME, BAD_VALUE, BODILESS, Headers
from runtime.engines.web.websocket.upgrade import Successor

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FRAMING = frozenset({b"connection", b"transfer-encoding"})
_CLOSE, _KEEP_ALIVE = (b"connection", b"close"), (b"connection", b"keep-alive")
_CHUNKED = (b"transfer-encoding", b"chunked")
_LARGE = 64 * 1024
"""Bytes above which copying a body costs more than a second write."""
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b""))
    for status in range(100, 600)
}


def encode_response(status: int, server_lines: bytes, headers: Headers, body: bytes) -> bytes:
    """Encode a complete response for the wire. `server_lines` are headers that are encoded."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([_STATUS_LINES[status], server_lines, *lines, b"\r\n", body])


class Client(Protocol):
    """A connection, as far as a cycle knows it."""

    flow: Flow

    def resume_reading(self) -> None: ...

    def on_response_complete(self) -> None: ...

    def break_off(self) -> None: ...

    def switch(self, successor: Successor) -> None: ...


class Cycle:
    """The `receive` and `send` of a request, and the `FastPath` that leaves it as they would.

    The fast path saves the second write of a response, and the check of every header in `send`.
    """

    __slots__ = (
        "_client",
        "_left",
        "_news",
        "_on_response",
        "_received",
        "_server_lines",
        "_transport",
        "awaits_disconnect",
        "body",
        "chunked",
        "disconnected",
        "flow",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
        "scope",
        "until_close",
        "waiting_for_100_continue",
    )

    def __init__(
        self,
        scope: dict[str, Any],
        transport: Output,
        client: Client,
        server_lines: bytes,
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.scope = scope
        self.flow = client.flow
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue
        self.body = b""
        """Received, and not read yet."""
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False
        self.awaits_disconnect = False
        """True while the application waits for nothing but the end of the connection."""
        self.until_close = False
        """True for a response whose end is the end of the connection."""
        self.chunked: bool | None = None
        """True or false once the framing of the response is known."""
        self._left = 0
        """Bytes that the announced length of the response still wants."""
        self._news = False
        self._received: asyncio.Event | None = None
        """Made by a `receive` that has to wait, which few have."""
        self._transport = transport
        self._client = client
        self._server_lines = server_lines
        self._on_response = client.on_response_complete

    async def run(self, app: ASGIApp, tasks: set[asyncio.Task[None]]) -> None:
        """Run the application, which logs its own failures, as one of `tasks`."""
        try:
            await app(self.scope, self.receive, self.send)
        finally:
            tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            self._on_response = discard
            if not self.response_complete and not self.disconnected:
                self._client.break_off()

    def notify(self) -> None:
        """Wake a `receive` that waits, or the next one."""
        self._news = True
        if self._received is not None:
            self._received.set()

    async def receive(self) -> Message:
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(_CONTINUE)
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._client.resume_reading()
            if not self._news:
                await self._wait()
            self._forget_news()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def read_body(self) -> bytes | None:
        """Consume the body, if it has been received completely."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        if self.flow.read_paused:
            self._client.resume_reading()
        self._forget_news()
        body, self.body = self.body, b""
        return body

    async def send(self, message: Message) -> None:
        """Send a part of the response. Raises RuntimeError for one that cannot be its next."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError(f"'{message['type']}' is sent after the end of the response")
        expected = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != expected:
            raise RuntimeError(f"'{message['type']}' is sent where '{expected}' is expected")
        if self.response_started:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        else:
            self._send_head(message["status"], message.get("headers", ()))

    def _send_head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        closes = False
        lines = [*headers]
        for n, (name, value) in enumerate(lines):
            if BAD_NAME.search(name) or BAD_VALUE.search(value):
                raise RuntimeError(f"the header {name!r} of the response is not valid: {value!r}")
            name = name.lower()
            lines[n] = name, value
            if name == b"content-length" and self.chunked is None:
                self._left, self.chunked = int(value), False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self._left, self.chunked = 0, True
            elif name == b"connection":
                closes |= b"close" in map(bytes.strip, value.lower().split(b","))
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(_CLOSE)
        if self.chunked is None and self.scope["method"] != "HEAD" and status not in BODILESS:
            self.chunked = True
            lines.append(_CHUNKED)
        self._transport.write(encode_response(status, self._server_lines, lines, b""))

    def _send_body(self, body: bytes, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self._left = 0
        elif self.chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._transport.write(chunk if more else chunk + b"0\r\n\r\n")
        else:
            if len(body) > self._left:
                raise RuntimeError("the response is longer than its Content-Length")
            self._left -= len(body)
            self._transport.write(body)
        if more:
            return
        if self._left:
            raise RuntimeError("the response is shorter than its Content-Length")
        self._complete()

    def send_response(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a complete response; False if nothing was sent.

        `headers` must be well-formed and have the content length.
        """
        if self.response_started or self.disconnected or self.flow.write_paused:
            return False
        if len(body) > _LARGE or not _FRAMING.isdisjoint([name for name, _ in headers]):
            return False
        if not self.keep_alive:
            headers = [*headers, _CLOSE]
        if self.scope["method"] == "HEAD":
            body = b""
        self._transport.write(encode_response(status, self._server_lines, headers, body))
        self.waiting_for_100_continue = False
        self.response_started = True
        self._complete()
        return True

    def disconnect(self) -> None:
        """Tell the application that its client has gone."""
        if not self.response_complete:
            self.disconnected = True
        self.notify()

    def _complete(self) -> None:
        self.response_complete = True
        self.notify()
        if not self.keep_alive:
            self._transport.close()
        self._on_response()

    async def _wait(self) -> None:
        if self._received is None:
            self._received = asyncio.Event()
        self.awaits_disconnect = not self.more_body
        try:
            await self._received.wait()
        finally:
            self.awaits_disconnect = False

    def _forget_news(self) -> None:
        self._news = False
        if self._received is not None:
            self._received.clear()


class CarefulCycle(Cycle):
    """The cycle of a client of HTTP/1.0, or of one that waits for `100 Continue`.

    HTTP/1.0 knows no chunks, and asks for a connection that is kept. A client that was not told to
    continue may send the body or leave it out: what it would send next cannot be understood.
    """

    __slots__ = ()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            if self.waiting_for_100_continue:
                self.keep_alive = False
            if self.scope["http_version"] == "1.0":
                message["headers"] = self._frame(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.until_close:
            self._left = len(message.get("body", b""))
        await super().send(message)

    def send_response(self, status: int, headers: Headers, body: bytes) -> bool:
        return False

    def _frame(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers of a response, whose end may be that of the connection."""
        framed = [pair for pair in headers if pair[0].lower() != b"transfer-encoding"]
        names = {name.lower() for name, _ in framed}
        if b"content-length" not in names and status not in BODILESS:
            self.keep_alive = False
            if self.scope["method"] != "HEAD":
                self.until_close, self.chunked = True, False
        if self.keep_alive and b"connection" not in names:
            framed.append(_KEEP_ALIVE)
        return framed
