"""Reply: the answer that a handler fills in, held until the handler returns."""

from __future__ import annotations

import re
from typing import Any, Self

from runtime import codec

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"content-length", "transfer-encoding", "x-request-id"})


class ResponseBuilder:
    """What `http.response()` gives. Every method returns the reply, so calls can be chained."""

    __slots__ = ("chunks", "headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] | None = None

    def set_status(self, status: int) -> Self:
        """Set the status, 200 to 599; it also applies to a dict, list or text that is returned."""
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"status {status!r} cannot be answered; 200 to 599 can")
        self.status = int(status)
        return self

    def set_header(self, name: str, value: str) -> Self:
        """Set a header, in the place of one of that name. Raises ValueError for a malformed one."""
        key = name.lower()
        if not _NAME.fullmatch(key):
            raise ValueError(f"header name {name!r} is malformed; use letters, digits and '-'")
        if key in _OURS:
            raise ValueError(f"header '{name}' is set by the server")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"value of header '{name}' has characters that no header may have")
        self.headers[key] = value
        return self

    def write(self, data: str | bytes) -> Self:
        """Append to the body. The first call decides the type, unless a header says it."""
        if not isinstance(data, str | bytes | bytearray | memoryview):  # bytes(5) is five zeros
            raise TypeError(f"write() takes text or bytes, not {type(data).__name__}")
        kind = "text/plain; charset=utf-8" if isinstance(data, str) else "application/octet-stream"
        return self._append(data.encode() if isinstance(data, str) else bytes(data), kind)

    def write_json(self, value: Any) -> Self:
        """Append a JSON document. Raises codec.NotJSON for what JSON cannot say."""
        return self._append(codec.encode_response(value), "application/json")

    def _append(self, data: bytes, kind: str) -> Self:
        if self.chunks is None:
            self.chunks = []
            self.headers.setdefault("content-type", kind)
        self.chunks.append(data)
        return self
