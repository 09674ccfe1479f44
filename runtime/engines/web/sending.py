"""Sending: a Starlette `Response` on its way, which is left as the handler made it."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.response import (
    BODILESS,
    SWITCHING,
    Headers,
    check_headers,
    merge,
    merged_status,
)
from runtime.telemetry import span_time

_ENDLESS = (b"text/event-stream", b"multipart/x-mixed-replace")


class Outgoing:
    """One response that is being sent, with what is set on `http.response()` added to it.

    `send` and `receive` are those of ASGI, for a response that sends itself; the other methods are
    for one that the server sends. Each may raise ValueError and TypeError until `started` is true.
    """

    def __init__(self, response: Response, exchange: Exchange, id_header: Headers) -> None:
        """`id_header` is the header with the request's id; empty if that is added later."""
        self.started = False
        self.is_endless = False
        self._builder = exchange.builder
        self.status = merged_status(response, self._builder)
        self._own_status = response.status_code
        self._exchange = exchange
        self._id_header = id_header
        self._bodiless = False
        self._complete = False
        self._closed: asyncio.Future[None] | None = None

    @property
    def awaits_stop(self) -> bool:
        return self._exchange.awaits_stop

    def headers(self, own: Headers) -> Headers:
        """The headers of a response, with those of the builder."""
        return merge(own, self._builder)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            status = self.status if status == self._own_status else status
            await self.start(status, self.headers(message.get("headers", [])))
        elif message["type"] == "http.response.body":
            await self.write(message.get("body", b""), more=message.get("more_body", False))
        else:
            await self._exchange.send(message)

    async def receive(self) -> Message:
        """Receive from the client, who is told to have gone once the response is closed."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        receiving = asyncio.ensure_future(self._exchange.receive())
        try:
            await asyncio.wait((receiving, self._closed), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if self._closed.done() else receiving.result()
        finally:
            receiving.cancel()

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole response."""
        await self.start(status, headers)
        await self.write(body, more=False)

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers. Of the latter, the body's framing is left to the server."""
        switches = status == SWITCHING and self._exchange.may_switch
        if not switches:
            check_headers(status, headers)
        self._bodiless = status in BODILESS
        if self._bodiless:
            headers = [pair for pair in headers if not pair[0].startswith(b"content-")]
        names = {name: value for name, value in headers}
        if b"content-length" not in names and not self._bodiless:
            self.is_endless = names.get(b"content-type", b"").startswith(_ENDLESS)
            self._exchange.drain.add(self)
        self.started = True
        if self.is_endless or switches:
            self._exchange.streaming_since = span_time()
        self._exchange.status = status
        await self._exchange.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *self._id_header],
            }
        )

    async def write(self, chunk: bytes | memoryview, *, more: bool = True) -> None:
        """Send a part of the body, the last one unless there is `more`."""
        self._complete = not more
        body = b"" if self._bodiless else chunk
        await self._exchange.send({"type": "http.response.body", "body": body, "more_body": more})

    def close(self) -> None:
        """End the response, if it listens for the client to go."""
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    async def finish(self) -> None:
        """Clean up. An endless response that was closed is complete; any other is cut off."""
        self._exchange.drain.discard(self)
        closed = self._closed is not None and self._closed.done()
        if closed and self.started and self.is_endless and not self._complete:
            await self.write(b"", more=False)
