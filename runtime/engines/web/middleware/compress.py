"""compress: compresses responses with gzip for the clients that accept it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web.negotiation import header_values, weights
from runtime.engines.web.response import IS_TRANSFORMED, Headers
from runtime.engines.web.routes import Middleware

_LEVELS = {"fastest": 1, "default": 6, "best": 9}
_COMPRESSED_TYPES = frozenset(DEFAULT_EXCLUDED_CONTENT_TYPES)
_BODILESS = frozenset({204, 205, 304})
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_IN_THREAD = 128 * 1024
"""Bytes above which compressing would block the event loop for milliseconds."""


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    level, min_length = _LEVELS[options["compress.level"]], options["compress.min.length"]
    return lambda app: Compress(app, level, min_length)


class Compress:
    """Compresses responses of at least `min_length` bytes, and streams, unless their type is dense.

    A response that exists in both forms has `Vary: Accept-Encoding`. The compressed form has a weak
    ETag and no ranges, so that no client and no cache joins parts of both (RFC 9110, 8.8.3).
    """

    def __init__(self, app: ASGIApp, level: int, min_length: int) -> None:
        self._app = app
        self._level = level
        self._min_length = min_length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = weights(header_values(scope["headers"], b"accept-encoding"))
        level, min_length = None, self._min_length
        if _prefers_gzip(accepted):
            level = self._level
            if accepted.get("identity") == 0:
                min_length = 0

            def is_transformed(headers: Headers) -> bool:
                return _is_worthwhile(MutableHeaders(raw=headers), min_length)

            scope = {**scope, IS_TRANSFORMED: is_transformed}
        response = _Response(send, level, min_length, is_head=scope["method"] == "HEAD")
        await self._app(scope, receive, response.send)


class _Response:
    """One response on its way to the client. Without a `level` it is not compressed."""

    def __init__(self, send: Send, level: int | None, min_length: int, *, is_head: bool) -> None:
        self._send = send
        self._level = level
        self._min_length = min_length
        self._is_head = is_head
        self._start: Message | None = None
        self._compressor: zlib._Compress | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # Kept until the first part of the body shows whether there is more.
            self._start = {**message, "headers": list(message.get("headers", ()))}
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._start is None:
            await self._send({**message, "body": await self._encode(body, more)})
            return
        start, self._start = self._start, None
        headers = MutableHeaders(raw=start["headers"])
        if not more and not self._is_head:
            headers.setdefault("content-length", str(len(body)))
        self._prepare(start["status"], headers)
        body = await self._encode(body, more)
        if self._compressor is not None and not more and not self._is_head:
            headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({**message, "body": body})

    def _prepare(self, status: int, headers: MutableHeaders) -> None:
        """Adapt the headers, and make the compressor if the response is to be compressed."""
        if status in _BODILESS or status == 206:
            if status == 304 or (status == 206 and _is_compressible(headers)):
                headers.add_vary_header("Accept-Encoding")
            if status != 206:
                del headers["content-length"]
            return
        if not _is_worthwhile(headers, self._min_length):
            return
        headers.add_vary_header("Accept-Encoding")
        if self._level is None:
            return
        self._compressor = zlib.compressobj(self._level, zlib.DEFLATED, _GZIP_FORMAT)
        headers["content-encoding"] = "gzip"
        del headers["content-length"]
        del headers["accept-ranges"]
        etag = headers.get("etag")
        if etag is not None and not etag.startswith("W/"):
            headers["etag"] = f"W/{etag}"

    async def _encode(self, body: bytes | memoryview, more: bool) -> bytes | memoryview:
        if self._compressor is None or self._is_head:
            return body
        if len(body) > _IN_THREAD:
            return await asyncio.to_thread(_compress, self._compressor, body, more)
        return _compress(self._compressor, body, more)


def _compress(compressor: zlib._Compress, body: bytes | memoryview, more: bool) -> bytes:
    # Flushed, since a client waits for each part of a stream.
    return compressor.compress(body) + compressor.flush(
        zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH
    )


def _prefers_gzip(accepted: Mapping[str, float]) -> bool:
    """True if gzip is acceptable, and no less welcome than the plain form."""
    named = [accepted[name] for name in ("gzip", "x-gzip") if name in accepted]
    weight = max(named) if named else accepted.get("*", 0)
    return weight > 0 and weight >= accepted.get("identity", 0)


def _is_worthwhile(headers: MutableHeaders, min_length: int) -> bool:
    """True for a response that is compressible and long enough, or of unknown length."""
    length = headers.get("content-length")
    return _is_compressible(headers) and (length is None or int(length) >= min_length)


def _is_compressible(headers: MutableHeaders) -> bool:
    if "content-encoding" in headers or "no-transform" in headers.get("cache-control", ""):
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("application/grpc"):
        return False
    return _COMPRESSED_TYPES.isdisjoint({kind, f"{kind.partition('/')[0]}/*"})
