"""Response: from what a handler sets and returns to status, headers and body."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Self

from starlette.responses import Response

from runtime import codec
from runtime.engines.web import problem

Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")
_BODILESS = frozenset({204, 304})
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_RESERVED = frozenset({"content-length", "transfer-encoding", "x-request-id"})
# The same checks as uvicorn's, which come too late to answer 500.
_BAD_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\\[\]={}"]|^$')
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class ResponseBuilder:
    """The response that `http.response()` returns, sent once the handler has returned.

    Methods return the builder, so calls can be chained.
    """

    __slots__ = ("chunks", "headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
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


class EncodedResponse(NamedTuple):
    """A complete response. The caller owns `headers` and may append to it."""

    status: int
    headers: Headers
    body: bytes


def encode(value: Any, builder: ResponseBuilder | None) -> EncodedResponse:
    """Encode the value that a handler returned, unless it is a Starlette `Response`.

    Raises TypeError for a value of any other type than a dict, a list, text, bytes or None, and
    codec.NotJSON for one that JSON cannot represent.
    """
    if isinstance(value, dict | list):
        body, kind = codec.encode_response(value), _JSON
    elif value is None or value is builder:
        return _built(builder)
    elif isinstance(value, str):
        body, kind = value.encode(), _TEXT
    elif isinstance(value, bytes | bytearray | memoryview):
        body, kind = bytes(value), _BYTES
    else:
        raise TypeError(
            f"the handler returned a value of type {type(value).__name__}; "
            "return a dict, a list, text, bytes, an http.Response or None"
        )
    if builder is None:
        return EncodedResponse(200, [kind, _length(body)], body)
    if builder.chunks is not None:
        raise TypeError("the handler wrote to http.response() and returned a body; do one of them")
    return _complete(builder.status or 200, body, builder, kind)


def encode_error(
    error: problem.HTTPError, builder: ResponseBuilder | None, request_id: str
) -> EncodedResponse:
    """Encode an error as a problem document, with the request id if the status is 5xx.

    Headers set on `builder` are kept, except those that describe a body.
    """
    if error.status >= 500:
        error.extra.setdefault("request_id", request_id)
    body = problem.document(error)
    headers = [problem.CONTENT_TYPE, _length(body)]
    headers += [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in error.headers.items()
    ]
    if builder is not None:
        given = {name for name, _ in headers}
        headers += [
            pair
            for pair in _encoded_headers(builder)
            if pair[0] not in given and not pair[0].startswith(b"content-")
        ]
    check_headers(headers)
    return EncodedResponse(error.status, headers, body)


def prepare(response: Response, builder: ResponseBuilder | None, method: str) -> None:
    """Add to a Starlette `Response` the headers of `builder` that it does not have itself.

    Raises ValueError for a status, header or content length that must not be sent, and TypeError
    if a body was written to `builder` as well.
    """
    if builder is not None:
        if builder.chunks is not None:
            raise TypeError(
                "the handler wrote to http.response() and returned an http.Response; do one of them"
            )
        given = {name for name, _ in response.raw_headers}
        response.raw_headers += [pair for pair in _encoded_headers(builder) if pair[0] not in given]
    if not 200 <= response.status_code <= 599:
        raise ValueError(f"status {response.status_code} cannot be answered; 200 to 599 can")
    check_headers(response.raw_headers)
    if method != "HEAD" and response.status_code not in _BODILESS:
        _check_length(response)


def check_headers(headers: Headers) -> None:
    """Raise ValueError for a header that would corrupt the response."""
    for name, value in headers:
        if _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            raise ValueError(f"header {name!r} has characters that no header may have")


def _check_length(response: Response) -> None:
    """Raise ValueError if the declared length is wrong: the server would cut the body off."""
    declared = response.headers.get("content-length")
    body = getattr(response, "body", None)  # streams and files have none
    if declared is not None and body is not None and declared != str(len(body)):
        raise ValueError(f"content-length is {declared}, but the body has {len(body)} bytes")


def _built(builder: ResponseBuilder | None) -> EncodedResponse:
    if builder is None:
        return EncodedResponse(204, [], b"")
    if builder.chunks is None:
        return _complete(builder.status or 204, b"", builder, None)
    return _complete(builder.status or 200, b"".join(builder.chunks), builder, None)


def _complete(
    status: int, body: bytes, builder: ResponseBuilder, kind: tuple[bytes, bytes] | None
) -> EncodedResponse:
    headers = _encoded_headers(builder) if builder.headers else []
    if status in _BODILESS:
        return EncodedResponse(
            status, [pair for pair in headers if pair[0] != b"content-type"], b""
        )
    if kind is not None and "content-type" not in builder.headers:
        headers.append(kind)
    headers.append(_length(body))
    return EncodedResponse(status, headers, body)


def _encoded_headers(builder: ResponseBuilder) -> Headers:
    return [
        (name.encode("ascii"), value.encode("latin-1")) for name, value in builder.headers.items()
    ]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
