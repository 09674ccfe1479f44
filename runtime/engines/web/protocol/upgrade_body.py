"""Leftover: the body of a request whose headers another parser has read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import httptools

_FRAMING = (b"content-length", b"transfer-encoding")


class Receiver(Protocol):
    """What hears of the body."""

    def on_body(self, body: bytes) -> None: ...

    def on_message_complete(self) -> None: ...


def framing(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The headers that say how long a body is, as they are written; empty if there is none."""
    return b"".join(b"%b: %b\r\n" % pair for pair in headers if pair[0] in _FRAMING)


def parser(framed: bytes, receiver: Receiver) -> httptools.HttpRequestParser:
    """A parser that goes on behind headers with that framing, and reads one body."""
    made = httptools.HttpRequestParser(_Once(receiver))
    made.feed_data(b"POST / HTTP/1.1\r\nhost: \r\n" + framed + b"\r\n")
    return made


class _Once:
    """A parser's protocol that hears of one body and of nothing after it."""

    __slots__ = ("_done", "_receiver")

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._done = False

    def on_body(self, body: bytes) -> None:
        if not self._done:
            self._receiver.on_body(body)

    def on_message_complete(self) -> None:
        if not self._done:
            self._done = True
            self._receiver.on_message_complete()
