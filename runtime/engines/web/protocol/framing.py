"""Framing: counts what a client sends around a body, chunk sizes, extensions and trailers."""

from __future__ import annotations

from collections.abc import Iterable

_CHUNK = 16
"""Bytes of framing that each byte of a body excuses: a client may send it in chunks of one."""


class _Dropped(list[tuple[bytes, bytes]]):
    """A list that stays empty."""

    def append(self, item: object) -> None: ...


TRAILER_FIELDS = _Dropped()
"""Stands in for the headers of a request once they are complete.

Trailer fields are dropped: a proxy has checked the headers, not what comes after them.
"""


class Framing:
    """Counts the bytes that are neither body nor excused by it, headers included."""

    __slots__ = ("_bytes", "_headers", "_started", "body_bytes")

    def __init__(self) -> None:
        self.body_bytes = 0
        """Bytes of the body in the present piece of input."""
        self._bytes = 0
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self._started = False

    def begin(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Start to count for a request with these headers."""
        self.body_bytes = self._bytes = 0
        self._headers = headers
        self._started = False

    def count(self, received: int) -> int:
        """Count a piece of input in the middle of a body; the bytes of headers and framing."""
        if not self._started:  # the piece began with the headers, or with earlier requests
            self._started, self.body_bytes = True, 0
            return 0
        self._bytes = max(0, self._bytes + received - self.body_bytes * _CHUNK)
        self.body_bytes = 0
        if not self._bytes:
            return 0
        return self._bytes + sum(len(name) + len(value) + 4 for name, value in self._headers)
