"""Publication: the document of a server, and its page, as routes of that server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from starlette.responses import Response

from runtime import codec
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.openapi.assets import assets
from runtime.engines.web.openapi.settings import Settings
from runtime.engines.web.routes import Handler, Route

_TAG = re.compile(r'"[^"]*"')
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Publication:
    """The document and the page of one set of routes, made when somebody first asks for one."""

    def __init__(self, routes: Sequence[Route], settings: Settings, folder: Path) -> None:
        self._routes = routes
        self._settings = settings
        self._folder = folder

    def routes(self, name: str) -> list[Route]:
        """The routes that serve them. `name` is the server's."""
        docs = self._settings.docs
        handlers: dict[str, Handler] = {self._settings.path: self._send_document}
        if docs is not None:
            handlers[docs] = self._send_page
            for asset in assets().values():
                whole = _Whole(asset.data, asset.media_type, {"Cache-Control": _FOREVER})
                handlers[f"{docs}/{asset.name}"] = whole.send
        return [
            Route(method="GET", path=path, handler=handler, name=name, is_fallback=True)
            for path, handler in handlers.items()
        ]

    async def _send_document(self, exchange: Exchange) -> Response:
        return await self._document.send(exchange)

    async def _send_page(self, exchange: Exchange) -> Response:
        return await self._page.send(exchange)

    @cached_property
    def _described(self) -> dict[str, object]:
        from runtime.engines.web.openapi.document import describe  # takes 30 ms

        return describe(self._routes, self._settings.info, self._folder)

    @cached_property
    def _document(self) -> _Whole:
        data = codec.encode_response(self._described)
        return _Whole(data, "application/json", {"Cache-Control": "no-cache"})

    @cached_property
    def _page(self) -> _Whole:
        from runtime.engines.web.openapi.page import render  # few servers are asked for it

        text = render(self._described, self._settings.path, self._settings.docs or "")
        headers = {**_PAGE_HEADERS, "Cache-Control": "no-cache"}
        return _Whole(text.encode(), "text/html; charset=utf-8", headers)


class _Whole:
    """A response that is the same for everybody."""

    def __init__(self, data: bytes, media_type: str, headers: dict[str, str]) -> None:
        self._data = data
        self._etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        self._media_type = media_type
        self._headers = {**headers, "ETag": self._etag}

    async def send(self, exchange: Exchange) -> Response:
        """Answer with it, unless the client has this version already."""
        known = exchange.headers.get(b"if-none-match", b"").decode("latin-1")
        if known.strip() == "*" or self._etag in _TAG.findall(known):
            return Response(status_code=304, headers=self._headers)
        return Response(self._data, headers=self._headers, media_type=self._media_type)
