"""Lines: the output of a program, line by line, with a bound on how long one may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

LONGEST = 16 * 1024
"""Bytes of a line. A longer one is handed on in pieces."""
_CHUNK = 64 * 1024


class Stream(Protocol):
    async def read(self, size: int, /) -> bytes: ...


async def read_lines(stream: Stream, take: Callable[[str], object]) -> None:
    """Call `take` with each line, without its end, until the stream has ended.

    What is not UTF-8 is escaped; a line that never ends is cut into pieces.
    """
    rest = b""
    while data := await stream.read(_CHUNK):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _take(line, take)
        while len(rest) > LONGEST:
            _take(rest[:LONGEST], take)
            rest = rest[LONGEST:]
    if rest:
        _take(rest, take)


def _take(line: bytes, take: Callable[[str], object]) -> None:
    line = line.removesuffix(b"\r")
    for begin in range(0, max(len(line), 1), LONGEST):
        take(line[begin : begin + LONGEST].decode("utf-8", "backslashreplace"))
