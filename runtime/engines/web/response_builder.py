"""ResponseBuilder: the response that a handler fills step by step."""

from __future__ import annotations

import re
from http.cookies import CookieError
from typing import Any, Self

from starlette.responses import Response

from runtime import codec

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_RESERVED = frozenset({"content-length", "transfer-encoding", "x-request-id"})


class ResponseBuilder:
    """The response that `http.response()` returns, sent once the handler has returned.

    Methods return the builder, so calls can be chained.
    """

    __slots__ = ("chunks", "cookies", "headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.cookies: tuple[str, ...] = ()
        self.chunks: list[bytes] | None = None

    def set_status(self, status: int) -> Self:
        """Set the status, 200 to 599; it also applies to a dict, list or text that is returned.

        Raises ValueError for any other status.
        """
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"status {status!r} cannot be answered; 200 to 599 can")
        self.status = int(status)
        return self

    def set_header(self, name: str, value: str) -> Self:
        """Set a header, replacing one of the same name. Raises ValueError for a malformed one."""
        key = name.lower()
        if not _NAME.fullmatch(key):
            raise ValueError(f"header name {name!r} is malformed; use letters, digits and '-'")
        if key in _RESERVED:
            raise ValueError(f"header '{name}' is set by the server")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"value of header '{name}' has characters that no header may have")
        self.headers[key] = value
        return self

    def set_cookie(self, name: str, value: str = "", **attributes: Any) -> Self:
        """Set a cookie, beside those that were set before.

        `attributes` are those of Starlette's `Response.set_cookie`: `max_age`, `expires`, `path`,
        `domain`, `secure`, `httponly`, `samesite`. Raises ValueError for a malformed cookie.
        """
        scratch = Response()
        try:
            scratch.set_cookie(name, value, **attributes)
            cookie = scratch.headers["set-cookie"]
        except (CookieError, AssertionError, UnicodeError) as error:
            raise ValueError(f"cookie {name!r} is malformed: {error}") from None
        if not _VALUE.fullmatch(cookie):
            raise ValueError(f"cookie {name!r} has characters that no header may have")
        self.cookies += (cookie,)
        return self

    def write(self, data: str | bytes) -> Self:
        """Append to the body. The first call sets the content type, unless a header has set it."""
        if not isinstance(data, str | bytes | bytearray | memoryview):  # bytes(5) is five zeros
            raise TypeError(f"write() takes text or bytes, not {type(data).__name__}")
        kind = "text/plain; charset=utf-8" if isinstance(data, str) else "application/octet-stream"
        return self._append(data.encode() if isinstance(data, str) else bytes(data), kind)

    def write_json(self, value: Any) -> Self:
        """Append a JSON document. Raises codec.NotJSON for a value that JSON cannot represent."""
        return self._append(codec.encode_response(value), "application/json")

    def _append(self, data: bytes, kind: str) -> Self:
        if self.chunks is None:
            self.chunks = []
            self.headers.setdefault("content-type", kind)
        self.chunks.append(data)
        return self
