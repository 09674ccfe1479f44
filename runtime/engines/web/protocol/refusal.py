"""Refusal: the response to a request that does not reach the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runtime.engines.web import problem
from runtime.engines.web.exchange import new_request_id
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.protocol.fast_path import Headers, encode_response

MAX_HEAD = 64 * 1024
"""Bytes that the request line, the headers, and the framing of a body may have together."""


class Refusal(NamedTuple):
    """An error status, and the detail that the client is told."""

    status: int
    detail: str
    headers: Sequence[tuple[bytes, bytes]] = ()

    def encode(self, default_headers: Headers) -> bytes:
        """Encode the response for the wire; it announces that the connection is closed."""
        body = problem.document(HTTPError(self.status, self.detail))
        headers = [
            *default_headers,
            *self.headers,
            problem.CONTENT_TYPE,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", new_request_id().encode()),
            (b"connection", b"close"),
        ]
        return encode_response(self.status, headers, body)


NOT_HTTP = Refusal(400, "the request is not HTTP")
NO_HOST = Refusal(400, "a request needs one Host header")
HEAD_TIMEOUT = Refusal(408, "the headers took too long")
BODY_TIMEOUT = Refusal(408, "the body took too long")
HEAD_TOO_LARGE = Refusal(431, f"the headers are larger than {MAX_HEAD} bytes")
FRAMING_TOO_LARGE = Refusal(
    431, f"the headers, trailers and chunk extensions are larger than {MAX_HEAD} bytes"
)
TURNED_AWAY = Refusal(
    503, "the server has as many clients as it can serve", [(b"retry-after", b"1")]
)
