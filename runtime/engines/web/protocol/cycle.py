"""Cycle: one request and its response, as the application sees them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol, cast

from starlette.types import ASGIApp
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from runtime.engines.web.protocol.output import Output, discard

Headers = list[tuple[bytes, bytes]]

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FRAMING = frozenset({b"connection", b"transfer-encoding"})
_KEEP_ALIVE = (b"connection", b"keep-alive")
_BODILESS = (204, 304)
_LARGE = 64 * 1024
"""Bytes above which copying a body costs more than a second write."""
_log = logging.getLogger("uvicorn.error")


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Encode a complete response for the wire."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])


class Client(Protocol):
    """A connection, as far as a cycle knows it."""

    flow: FlowControl

    def resume_reading(self) -> None: ...

    def on_response_complete(self) -> None: ...

    def break_off(self) -> None: ...


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, and the `FastPath` that leaves it as its `send` and `receive` would.

    The fast path saves the second write of a response, and the check of every header in `send`.
    """

    until_close = False
    """True for a response whose end is the end of the connection."""

    def __init__(
        self,
        scope: dict[str, Any],
        transport: Output,
        client: Client,
        default_headers: Headers,
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        # Inlines uvicorn's constructor, whose call every request would pay for.
        self.scope = scope  # type: ignore[assignment]
        self.transport = transport  # type: ignore[assignment]
        self.flow = client.flow
        self.logger = self.access_logger = _log
        self.access_log = False
        self.default_headers = default_headers
        self.message_event = asyncio.Event()
        self.on_response = client.on_response_complete
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue
        self.body = bytearray()
        self.more_body = True
        self.response_started = self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self.awaits_disconnect = False
        """True while the application waits for nothing but the end of the connection."""
        self._client = client

    async def run(self, app: ASGIApp, tasks: set[asyncio.Task[None]]) -> None:
        """Run the application, which logs its own failures, as one of `tasks`."""
        try:
            await app(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        finally:
            tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            self.on_response = discard
            if not self.response_complete and not self.disconnected:
                self._client.break_off()

    async def receive(self) -> ASGIReceiveEvent:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(_CONTINUE)
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._client.resume_reading()
            self.awaits_disconnect = not self.more_body
            try:
                await self.message_event.wait()
            finally:
                self.awaits_disconnect = False
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def read_body(self) -> bytes | None:
        """Consume the body, if it has been received completely."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        if self.flow.read_paused:
            self._client.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return body

    def send_response(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a complete response; False if nothing was sent.

        `headers` must be well-formed and have the content length.
        """
        if self.response_started or self.disconnected or self.flow.write_paused:
            return False
        if len(body) > _LARGE or not _FRAMING.isdisjoint([name for name, _ in headers]):
            return False
        headers = self.default_headers + headers
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        self.transport.write(
            encode_response(status, headers, b"" if self.scope["method"] == "HEAD" else body)
        )
        self.waiting_for_100_continue = False
        self.response_started = self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True

    def disconnect(self) -> None:
        """Tell the application that its client has gone."""
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()


class CarefulCycle(Cycle):
    """The cycle of a client of HTTP/1.0, or of one that waits for `100 Continue`.

    HTTP/1.0 knows no chunks, and asks for a connection that is kept. A client that was not told to
    continue may send the body or leave it out: what it would send next cannot be understood.
    """

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            if self.waiting_for_100_continue:
                self.keep_alive = False
            if self.scope["http_version"] == "1.0":
                message["headers"] = self._frame(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.until_close:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    def send_response(self, status: int, headers: Headers, body: bytes) -> bool:
        return False

    def _frame(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers of a response, whose end may be that of the connection."""
        framed = [pair for pair in headers if pair[0].lower() != b"transfer-encoding"]
        names = {name.lower() for name, _ in framed}
        if b"content-length" not in names and status not in _BODILESS:
            self.keep_alive = False
            if self.scope["method"] != "HEAD":
                self.until_close, self.chunked_encoding = True, False
        if self.keep_alive and b"connection" not in names:
            framed.append(_KEEP_ALIVE)
        return framed
