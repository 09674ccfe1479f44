"""Refusal: the response to a request that does not reach the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runtime.engines.web import problem
from runtime.engines.web.exchange import new_request_id
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.protocol.cycle import encode_response

MAX_HEAD = 64 * 1024
"""Bytes that a request line and headers may have, together with trailers and chunk extensions."""
MAX_FIELDS = 1000
"""Headers that a request may have."""


class Refusal(NamedTuple):
    """An error status, and the detail that the client is told."""

    status: int
    detail: str
    headers: Sequence[tuple[bytes, bytes]] = ()
    connection: bytes = b"close"

    def encode(self, server_lines: bytes, *, with_body: bool = True) -> bytes:
        """Encode the response for the wire; it announces that the connection is closed."""
        body = problem.document(HTTPError(self.status, self.detail))
        headers = [
            *self.headers,
            problem.CONTENT_TYPE,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", new_request_id().encode()),
            (b"connection", self.connection),
        ]
        return encode_response(self.status, server_lines, headers, body if with_body else b"")


class Refused(Exception):
    """A request cannot be served, nor anything after it on its connection."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


NOT_HTTP = Refusal(400, "the request is not HTTP")
BAD_TARGET = Refusal(400, "the request target is not one of an HTTP request")
BAD_HOST = Refusal(400, "the Host header is not the name of a host")
NO_HOST = Refusal(400, "a request needs one Host header")
BAD_CODING = Refusal(400, "'chunked' must be the last transfer coding, and HTTP/1.0 has none")
BAD_CHUNK = Refusal(400, "the body is not well-formed in its chunks")
BODY_OF_HANDSHAKE = Refusal(400, "a request that opens a WebSocket has no body")
HEAD_TIMEOUT = Refusal(408, "the headers took too long")
BODY_TIMEOUT = Refusal(408, "the body took too long")
LONG_TARGET = Refusal(414, f"the request line is longer than {MAX_HEAD} bytes")
UNKNOWN_EXPECTATION = Refusal(417, "no expectation but '100-continue' is met")
WEBSOCKET = Refusal(
    426,
    "no WebSocket is served here, only HTTP/1.1",
    [(b"upgrade", b"HTTP/1.1")],
    b"close, upgrade",
)
LARGE_HEAD = Refusal(431, f"the headers are larger than {MAX_HEAD} bytes")
MANY_FIELDS = Refusal(431, f"there are more than {MAX_FIELDS} headers")
LARGE_FRAMING = Refusal(
    431, f"the headers, trailers and chunk extensions are larger than {MAX_HEAD} bytes"
)
NO_PROXY = Refusal(501, "CONNECT is not served; this is not a proxy")
UNKNOWN_CODING = Refusal(501, "no transfer coding but 'chunked' is understood")
TURNED_AWAY = Refusal(
    503, "the server has as many clients as it can serve", [(b"retry-after", b"1")]
)
BAD_VERSION = Refusal(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
