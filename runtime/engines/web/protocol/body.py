"""Body: the bytes of a request's body, out of what frames them."""

from __future__ import annotations

import re
from typing import Protocol

from runtime.engines.web.protocol.refusal import BAD_CHUNK, LARGE_FRAMING, Refused

_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,14})\r\n")
"""The first line of a chunk that excuses its own framing."""
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")
_LARGEST_CHUNK = (1 << 63) - 1
_EXCUSED = 16
"""Bytes of framing that each chunk may have beside as many as it has data."""


class Body(Protocol):
    """Reads one body, piece by piece."""

    ended: bool

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        """The next bytes of the body in `data` from `at` on, and where the input goes on.

        Leaves what is not complete. Raises Refused.
        """
        ...


class LengthBody:
    """A body of a known length."""

    __slots__ = ("_left", "ended")

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = False

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        piece = data[at : at + self._left] if at or self._left < len(data) else data
        self._left -= len(piece)
        self.ended = not self._left
        return piece, at + len(piece)


class ChunkedBody:
    """A body in chunks. Extensions are ignored, and trailers dropped: they are nobody's headers.

    `allowed` bytes may be framing that its data does not excuse.
    """

    __slots__ = ("_after_data", "_allowed", "_in_trailers", "_left", "_spent", "ended")

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._spent = 0
        self._left = 0
        self._after_data = False
        self._in_trailers = False
        self.ended = False

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        pieces: list[bytes] = []
        while not self.ended:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._after_data = True
            if self._after_data:
                after = data[at : at + 2]
                if after != b"\r\n":
                    if after not in (b"", b"\r"):
                        raise Refused(BAD_CHUNK)
                    break
                at += 2
                self._after_data = False
            if not self._in_trailers and not self._spent:
                at = _read_whole_chunks(data, at, pieces)
            following = self._read_line(data, at)
            if following == at:
                break
            at = following
        return b"".join(pieces), at

    def _read_line(self, data: bytes, at: int) -> int:
        """Read the size of a chunk, or a trailer; where the input goes on after it."""
        end = data.find(b"\r\n", at)
        if end < 0:
            self._count(len(data) - at)
            return at
        if self._in_trailers:
            self._spent = self._count(end + 2 - at)
            if end == at:
                self.ended = True
            elif not _TRAILER.fullmatch(data, at, end):
                raise Refused(BAD_CHUNK)
            return end + 2
        match = _SIZE_LINE.fullmatch(data, at, end)
        if match is None:
            self._count(end - at)
            raise Refused(BAD_CHUNK)
        size = int(match[1], 16)
        if size > _LARGEST_CHUNK:
            raise Refused(BAD_CHUNK)
        self._left, self._in_trailers = size, not size
        self._spent = max(0, self._count(end + 2 - at) - _EXCUSED - size)
        return end + 2

    def _count(self, framing: int) -> int:
        """The bytes of framing so far, with so many more. Raises Refused if it is too much."""
        spent = self._spent + framing
        if spent > self._allowed + _EXCUSED:
            raise Refused(LARGE_FRAMING)
        return spent


def _read_whole_chunks(data: bytes, at: int, pieces: list[bytes]) -> int:
    """Read plain chunks that are there completely, the fast way; where the input goes on."""
    match = _PLAIN_SIZE.match(data, at)
    while match is not None and (size := int(match[1], 16)):
        start = match.end()
        end = start + size
        if data[end : end + 2] != b"\r\n":
            break
        pieces.append(data[start:end])
        at = end + 2
        match = _PLAIN_SIZE.match(data, at)
    return at
