"""Door: one address of management: its rights, its headers, and the table of routes behind it."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from runtime.engines.management.rights import LOGIN, PUBLIC, Rights, decoded_headers
from runtime.engines.management.source import Source
from runtime.engines.management.table import Desk, table
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.fast_path import FAST_PATH
from runtime.engines.web.negotiation import header_values, weights
from runtime.engines.web.problem import CONTENT_TYPE, HTTPError, document

MAX_BODY = 1024 * 1024

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none, the Origin of our own forms would be null
    "Cache-Control": "no-store",
}
"""On every response that does not set them itself."""


class Door:
    """An ASGI application. Without `rights` everything is allowed: the door is a Unix socket."""

    def __init__(self, source: Source, rights: Rights | None) -> None:
        self._rights = rights
        self.dispatcher = Dispatcher(max_body=MAX_BODY)
        self._desk = Desk(source, rights)
        self.dispatcher.serve(table(self._desk))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope.pop(FAST_PATH, None)  # it would go past `send_with_headers`

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                message["headers"] = headers.raw
            await send(message)

        if self._rights is not None:
            try:
                self._rights.check(scope, decoded_headers(scope))
            except HTTPError as error:
                if error.status == 401 and _takes_html(scope):
                    return _redirect(LOGIN, send_with_headers)
                return _refuse(error, send_with_headers)
        if _is_page(scope) and _takes_html(scope):
            from runtime.engines.management.pages.mishaps import Mishaps  # few look at pages

            return Mishaps(self.dispatcher, self._desk)(scope, receive, send_with_headers)
        return self.dispatcher(scope, receive, send_with_headers)


def _is_page(scope: Scope) -> bool:
    """True for what a browser shows, and is not for programs in any case."""
    path, method = scope["path"], scope.get("method")
    return method in ("GET", "HEAD", "POST") and not path.startswith("/api/") and path not in PUBLIC


def _takes_html(scope: Scope) -> bool:
    """True for a browser: others say that they take anything, or nothing."""
    return weights(header_values(scope["headers"], b"accept")).get("text/html", 0) > 0


async def _refuse(error: HTTPError, send: Send) -> None:
    headers = [CONTENT_TYPE]
    headers += [(n.lower().encode(), v.encode("latin-1")) for n, v in error.headers.items()]
    await _send(error.status, headers, document(error), send)


async def _redirect(to: str, send: Send) -> None:
    await _send(303, [(b"location", to.encode())], b"", send)


async def _send(status: int, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
