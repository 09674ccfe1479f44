"""Upgrade body: parses the body of a request whose headers another parser has consumed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import httptools

_FRAMING = (b"content-length", b"transfer-encoding")


class Receiver(Protocol):
    """Callbacks of a parser that reads one body."""

    def on_body(self, body: bytes) -> None: ...

    def on_message_complete(self) -> None: ...


def encode_framing(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The headers that frame a body, encoded; empty for a request without a body."""
    return b"".join(b"%b: %b\r\n" % pair for pair in headers if pair[0] in _FRAMING)


def body_parser(framing: bytes, receiver: Receiver) -> httptools.HttpRequestParser:
    """Make a parser that continues after headers with `framing` and reads one body."""
    parser = httptools.HttpRequestParser(_OneBody(receiver))
    parser.feed_data(b"POST / HTTP/1.1\r\nhost: \r\n" + framing + b"\r\n")
    return parser


class _OneBody:
    """Passes on the callbacks of the first body and ignores all that follows."""

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
