"""Response: from what a handler sets and returns to status, headers and body."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, NamedTuple

from starlette.responses import Response

from runtime import codec
from runtime.engines.web import problem
from runtime.engines.web.response_builder import ResponseBuilder

Headers = list[tuple[bytes, bytes]]

IS_TRANSFORMED = "runtime.is_transformed"
"""Key in the ASGI scope of a function: true if middleware will send a response with these headers
in another form, of which a client cannot ask for a range.
"""

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")
SWITCHING = 101
"""The status with which a connection goes on with another protocol."""
BODILESS = frozenset({204, 304})
"""Statuses whose responses have no body."""
_SERVERS = frozenset({b"transfer-encoding", b"x-request-id"})
BAD_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\\[\]={}"]|^$')
BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Found in what cannot be the name or the value of a header."""


class EncodedResponse(NamedTuple):
    """A complete response. The caller owns `headers` and may append to it."""

    status: int
    headers: Headers
    body: bytes


def encode(value: Any, builder: ResponseBuilder | None) -> EncodedResponse:
    """Encode the value that a handler returned, unless it is a Starlette `Response`.

    Raises the value if it is an exception, TypeError if it is not a response, and codec.NotJSON if
    JSON cannot represent it.
    """
    if isinstance(value, dict | list):
        body, kind = codec.encode_response(value), _JSON
    elif value is None or value is builder:
        return _built(builder)
    elif isinstance(value, str) and not isinstance(value, Enum):
        body, kind = value.encode(), _TEXT
    elif isinstance(value, bytes | bytearray | memoryview):
        body, kind = bytes(value), _BYTES
    elif isinstance(value, BaseException):
        raise value
    elif codec.is_record_or_scalar(value):
        body, kind = codec.encode_response(value), _JSON
    else:
        raise TypeError(
            f"the handler returned a value of type {type(value).__name__}; return a dict, a list, "
            "text, bytes, a dataclass, an http.Response or None"
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
    more = {"request_id": request_id} if error.status >= 500 else {}
    body = problem.document(error, more)
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
    check_headers(error.status, headers)
    return EncodedResponse(error.status, headers, body)


def encode_starlette(
    response: Response, builder: ResponseBuilder | None, method: str
) -> EncodedResponse:
    """Encode a Starlette `Response` that has its whole body. The response is not changed.

    Raises ValueError for a status, header or content length that must not be sent, and TypeError
    for a contradiction with `builder`.
    """
    status, headers = merged_status(response, builder), merge(response.raw_headers, builder)
    check_headers(status, headers)
    if status in BODILESS:
        return EncodedResponse(status, _without_body(headers), b"")
    body = bytes(response.body)
    declared = next((value for name, value in headers if name == b"content-length"), None)
    if declared is None:
        headers.append(_length(body))
    elif method != "HEAD" and declared != b"%d" % len(body):
        raise ValueError(
            f"content-length is {declared.decode('latin-1')}, but the body has {len(body)} bytes"
        )
    return EncodedResponse(status, headers, body)


def merged_status(response: Response, builder: ResponseBuilder | None) -> int:
    """The status of a Starlette `Response`, or in the place of its 200 that of `builder`.

    Raises TypeError if both have set one, or a body.
    """
    status = response.status_code
    if builder is None:
        return status
    if builder.chunks is not None:
        raise TypeError(
            "the handler wrote to http.response() and returned an http.Response; do one of them"
        )
    if builder.status is None or builder.status == status:
        return status
    if status != 200:
        raise TypeError(
            f"the handler set the status {builder.status} and returned an http.Response with "
            f"{status}; do one of them"
        )
    return builder.status


def merge(headers: Headers, builder: ResponseBuilder | None) -> Headers:
    """The headers of a Starlette `Response`, without those that are the server's.

    A header of `builder` replaces those of its name, but for cookies, which are added.
    """
    added = _encoded_headers(builder) if builder is not None else []
    replaced = {name for name, _ in added if name != b"set-cookie"} | _SERVERS
    return [*(pair for pair in headers if pair[0].lower() not in replaced), *added]


def check_headers(status: int, headers: Headers) -> None:
    """Raise ValueError for a status or a header that would corrupt the response."""
    if not 200 <= status <= 599:
        raise ValueError(f"status {status} cannot be answered; 200 to 599 can")
    for name, value in headers:
        if BAD_NAME.search(name) or BAD_VALUE.search(value):
            raise ValueError(f"header {name!r} has characters that no header may have")


def _without_body(headers: Headers) -> Headers:
    return [pair for pair in headers if pair[0] not in (b"content-length", b"content-type")]


def _built(builder: ResponseBuilder | None) -> EncodedResponse:
    if builder is None:
        return EncodedResponse(204, [], b"")
    if builder.chunks is None:
        return _complete(builder.status or 204, b"", builder, None)
    return _complete(builder.status or 200, b"".join(builder.chunks), builder, None)


def _complete(
    status: int, body: bytes, builder: ResponseBuilder, kind: tuple[bytes, bytes] | None
) -> EncodedResponse:
    headers = _encoded_headers(builder) if builder.headers or builder.cookies else []
    if status in BODILESS:
        return EncodedResponse(status, _without_body(headers), b"")
    if kind is not None and "content-type" not in builder.headers:
        headers.append(kind)
    headers.append(_length(body))
    return EncodedResponse(status, headers, body)


def _encoded_headers(builder: ResponseBuilder) -> Headers:
    headers = [
        (name.encode("ascii"), value.encode("latin-1")) for name, value in builder.headers.items()
    ]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in builder.cookies]
    return headers


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
