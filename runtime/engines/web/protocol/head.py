"""Head: parses request lines and headers, and checks what llhttp leaves unchecked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

import httptools

from runtime.engines.web.protocol import refusal
from runtime.engines.web.protocol.refusal import MAX_FIELDS, Refusal, Refused
from runtime.engines.web.response import Headers

CHUNKED = -1
"""Stands for the length of a body in chunks."""

_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)
_OTHER_VERSION = ("Invalid HTTP version", "Pause on PRI/Upgrade")
"""What llhttp says of a version that it does not know, and of the first line of HTTP/2."""
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)


class Head:
    """Reads the heads of one connection, one after the other."""

    __slots__ = (
        "_offers_upgrade",
        "_parser",
        "_url",
        "_valid_host",
        "expects_continue",
        "headers",
        "is_complete",
        "is_http10",
        "is_plain",
        "keeps_alive",
        "length",
        "method",
        "opens_websocket",
        "path",
        "query",
    )

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = None
        self._offers_upgrade = False
        self._url = b""
        self._valid_host: bytes | None = None
        self.is_complete = False
        self.headers: Headers = []
        """Names in lower case."""
        self.method = ""
        self.path = self.query = b""
        self.length = 0
        """Of the body, or `CHUNKED`."""
        self.is_http10 = self.keeps_alive = self.expects_continue = False
        self.opens_websocket = self.is_plain = False
        """Plain is a request of HTTP/1.1 that expects no `100 Continue` and no other protocol."""

    def feed(self, data: bytes) -> None:
        """Parse a piece that ends with the head, or before. Raises Refused."""
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._offers_upgrade = True
        except httptools.HttpParserError as error:
            raise Refused(self._reason(error)) from None
        if len(self.headers) > MAX_FIELDS:
            raise Refused(refusal.MANY_FIELDS)

    def finish(self, data: bytes) -> None:
        """Check the head, which is `data`, and set the attributes. Raises Refused."""
        if self._parser is None or not self.is_complete:
            self._refuse_line(data[: data.index(b"\r\n")])
        method = self._parser.get_method()
        # llhttp also takes HTTP/0.9, HTTP/2.0, RTSP/1.0 and repeated spaces.
        start = method + b" " + self._url
        self.is_http10 = not data.startswith(start + b" HTTP/1.1\r\n")
        if self.is_http10 and not data.startswith(start + b" HTTP/1.0\r\n"):
            self._refuse_line(data[: data.index(b"\r\n")])
        self.method = method.decode("ascii")
        fields = dict(self.headers)
        host = fields.get(b"host")
        if host is None or host != self._valid_host or len(fields) != len(self.headers):
            self._check_host(host)
        if self._url.startswith(b"/"):
            self._split(self._url)
        else:
            self._read_target(method)
        self.is_plain = not self.is_http10
        self._read_framing(fields)
        self.opens_websocket = b"upgrade" in fields and self._asks_for_websocket(fields)
        if self._offers_upgrade or self.length == CHUNKED:
            self.restart()  # it would expect another protocol, or chunks
        self.is_complete = False

    def scope(self, connection: Mapping[str, Any]) -> dict[str, Any]:
        """The ASGI scope of the request; `connection` has what is the same for all."""
        return {
            **connection,
            "http_version": "1.0" if self.is_http10 else "1.1",
            "method": self.method,
            "path": decode(self.path),
            "raw_path": self.path,
            "query_string": self.query,
            "headers": self.headers,
        }

    def skip(self, body: bytes) -> None:
        """Let the parser count a part of the body: a new one for each body takes twice as long."""
        if self._parser is not None:
            self._parser.feed_data(body)

    def restart(self) -> None:
        """Forget the parser."""
        self._parser, self._offers_upgrade = None, False

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("HTTP/0.9: the head ended with the request line")
        self._url = b""
        self.headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        self.is_complete = True
        assert self._parser is not None
        self.keeps_alive = self._parser.should_keep_alive()  # unknown afterwards

    def _reason(self, error: httptools.HttpParserError) -> Refusal:
        if isinstance(error, httptools.HttpParserCallbackError) or str(error) in _OTHER_VERSION:
            return refusal.BAD_VERSION
        # Of complete headers llhttp refuses the last transfer coding if it is not 'chunked'.
        return refusal.BAD_CODING if self.is_complete else refusal.NOT_HTTP

    def _refuse_line(self, line: bytes) -> NoReturn:
        parts = line.split(b" ")
        other = parts[-1].startswith(b"HTTP/") and parts[-1] not in _VERSIONS
        raise Refused(refusal.BAD_VERSION if other or len(parts) == 2 else refusal.NOT_HTTP)

    def _check_host(self, host: bytes | None) -> None:
        count = [name for name, _ in self.headers].count(b"host")
        if count > 1 or (count == 0 and not self.is_http10):
            raise Refused(refusal.NO_HOST)
        if host is not None and not _HOST.fullmatch(host):
            raise Refused(refusal.BAD_HOST)
        self._valid_host = host

    def _split(self, url: bytes) -> None:
        if b"#" in url:
            url = url[: url.index(b"#")]
        self.path, _, self.query = url.partition(b"?")

    def _read_target(self, method: bytes) -> None:
        """Read a target that is no path (RFC 9112, 3.2.2 to 3.2.4)."""
        if method == b"CONNECT":
            raise Refused(refusal.NO_PROXY)
        if self._url == b"*" and method == b"OPTIONS":
            self.path, self.query = b"*", b""
            return
        match = _ABSOLUTE.fullmatch(self._url)
        if match is None or not match[1] or not _HOST.fullmatch(match[1]):
            raise Refused(refusal.BAD_TARGET)
        # The target's host is the one that was meant.
        self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"]
        self.headers.insert(0, (b"host", match[1]))
        self._split(match[2])
        if not self.path:
            self.path = b"*" if method == b"OPTIONS" and not match[2] else b"/"

    def _read_framing(self, fields: dict[bytes, bytes]) -> None:
        length = fields.get(b"content-length")
        self.length = 0 if length is None else int(length)
        if b"transfer-encoding" in fields:
            self._check_coding()
            self.length = CHUNKED
        self.expects_continue = False
        if b"expect" in fields and not self.is_http10:
            if fields[b"expect"].lower() != b"100-continue":
                raise Refused(refusal.UNKNOWN_EXPECTATION)
            self.expects_continue = self.length != 0
            self.is_plain = not self.expects_continue

    def _check_coding(self) -> None:
        values = [value for name, value in self.headers if name == b"transfer-encoding"]
        codings = [coding.strip().lower() for coding in b",".join(values).split(b",")]
        if self.is_http10 or codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
            raise Refused(refusal.BAD_CODING)
        if len(codings) > 1:
            raise Refused(refusal.UNKNOWN_CODING)

    def _asks_for_websocket(self, fields: dict[bytes, bytes]) -> bool:
        protocols = fields[b"upgrade"].lower()
        options = fields.get(b"connection", b"").lower()
        asks = b"websocket" in protocols and b"upgrade" in options and self.method == "GET"
        self.is_plain &= not asks
        return asks


def decode(path: bytes) -> str:
    """The path as text, percent-decoded."""
    text = path.decode("ascii")
    return unquote(text) if "%" in text else text
