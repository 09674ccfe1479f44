"""Answer: what a handler returned, turned into status, headers and body."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from starlette.responses import Response

from runtime import codec
from runtime.engines.web import problem
from runtime.engines.web.reply import ResponseBuilder

Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")
_BODILESS = frozenset({204, 304})
# Written here again because uvicorn notices a bad header only when it is too late to answer 500.
_BAD_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\\[\]={}"]|^$')
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class EncodedResponse(NamedTuple):
    """One whole response. `headers` is a list of its own, to which more may be added."""

    status: int
    headers: Headers
    body: bytes


def of_value(value: Any, reply: ResponseBuilder | None) -> EncodedResponse:
    """The answer to what a handler returned, a `Response` excepted.

    Raises TypeError for a value that is no answer, codec.NotJSON for one that JSON cannot say.
    """
    if isinstance(value, dict | list):
        body, kind = codec.encode_response(value), _JSON
    elif value is None or value is reply:
        return _filled(reply)
    elif isinstance(value, str):
        body, kind = value.encode(), _TEXT
    elif isinstance(value, bytes | bytearray | memoryview):
        body, kind = bytes(value), _BYTES
    else:
        raise TypeError(
            f"the handler returned a value of type {type(value).__name__}; "
            "return a dict, a list, text, bytes, an http.Response or None"
        )
    if reply is None:
        return EncodedResponse(200, [kind, _length(body)], body)
    if reply.chunks is not None:
        raise TypeError("the handler wrote to http.response() and returned a body; do one of them")
    return _complete(reply.status or 200, body, reply, kind)


def of_error(
    error: problem.HTTPError, reply: ResponseBuilder | None, request_id: str
) -> EncodedResponse:
    """The problem document of an error; one of the server's own also names the request."""
    if error.status >= 500:
        error.extra.setdefault("request_id", request_id)
    body = problem.document(error)
    headers = [problem.CONTENT_TYPE, _length(body)]
    headers += [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in error.headers.items()
    ]
    if reply is not None:
        given = {name for name, _ in headers}
        headers += [
            pair
            for pair in _encoded(reply)
            if pair[0] not in given and not pair[0].startswith(b"content-")
        ]
    check(headers)
    return EncodedResponse(error.status, headers, body)


def prepare(response: Response, reply: ResponseBuilder | None, method: str) -> None:
    """Give a `Response` the headers set on `http.response()` that it does not have itself.

    Raises ValueError for a status or a header that must not be sent, TypeError if a body was
    written too.
    """
    if reply is not None:
        if reply.chunks is not None:
            raise TypeError(
                "the handler wrote to http.response() and returned an http.Response; do one of them"
            )
        given = {name for name, _ in response.raw_headers}
        response.raw_headers += [pair for pair in _encoded(reply) if pair[0] not in given]
    if not 200 <= response.status_code <= 599:
        raise ValueError(f"status {response.status_code} cannot be answered; 200 to 599 can")
    check(response.raw_headers)
    if method != "HEAD" and response.status_code not in _BODILESS:
        _check_length(response)


def check(headers: Headers) -> None:
    """Raise ValueError for a header that would break the response apart."""
    for name, value in headers:
        if _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            raise ValueError(f"header {name!r} has characters that no header may have")


def _check_length(response: Response) -> None:
    """A response that is whole must be as long as it says: the server would cut it off."""
    said = response.headers.get("content-length")
    body = getattr(response, "body", None)  # a stream and a file have none
    if said is not None and body is not None and said != str(len(body)):
        raise ValueError(f"content-length is {said}, but the body has {len(body)} bytes")


def _filled(reply: ResponseBuilder | None) -> EncodedResponse:
    if reply is None:
        return EncodedResponse(204, [], b"")
    if reply.chunks is None:
        return _complete(reply.status or 204, b"", reply, None)
    return _complete(reply.status or 200, b"".join(reply.chunks), reply, None)


def _complete(
    status: int, body: bytes, reply: ResponseBuilder, kind: tuple[bytes, bytes] | None
) -> EncodedResponse:
    headers = _encoded(reply) if reply.headers else []
    if status in _BODILESS:
        return EncodedResponse(
            status, [pair for pair in headers if pair[0] != b"content-type"], b""
        )
    if kind is not None and "content-type" not in reply.headers:
        headers.append(kind)
    headers.append(_length(body))
    return EncodedResponse(status, headers, body)


def _encoded(reply: ResponseBuilder) -> Headers:
    return [
        (name.encode("ascii"), value.encode("latin-1")) for name, value in reply.headers.items()
    ]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
