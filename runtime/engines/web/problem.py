"""Problem: HTTP errors as problem documents (RFC 9457)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

from runtime import codec

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
CONTENT_TYPE = (b"content-type", b"application/problem+json")


class HTTPError(Exception):
    """Respond with this status, 400 to 599, and a problem document.

    `message` is its `detail`, which the client sees; `extra` are further members. `headers` are
    sent with it. Raises ValueError for any other status.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"status {status} is no error; 400 to 599 are")
        super().__init__(status, message)
        self.status = int(status)
        self.message = message
        self.headers = dict(headers or {})
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.status} {self.message or title(self.status)}"


def title(status: int) -> str:
    """The standard phrase of a status, `Status 499` for one that has none."""
    return _TITLES.get(status) or f"Status {status}"


# Python's own table changes with its version: 422 is named anew in 3.13.
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    423: "Locked",
    424: "Failed Dependency",
    425: "Too Early",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    511: "Network Authentication Required",
}


def document(error: HTTPError, more: dict[str, Any] | None = None) -> bytes:
    """Encode the document, with `more` members if the error does not have them itself.

    Raises codec.NotJSON if JSON cannot represent the members.
    """
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": title(error.status),
        "status": error.status,
    }
    if error.message is not None:
        members["detail"] = error.message
    return codec.encode_response(members | (more or {}) | error.extra | {"status": error.status})


def declared(error: BaseException) -> HTTPError | None:
    """The HTTP error that an exception declares by its attributes, if it does.

    Any exception may have `http_status` (400 to 599) and `retry_after` (seconds): so a full queue
    means 503 without depending on HTTP. A lack of file descriptors means it, too. The text of an
    exception was not written for clients and is not sent.
    """
    if isinstance(error, OSError) and error.errno in OUT_OF_DESCRIPTORS:
        return HTTPError(503, headers={"Retry-After": "1"})  # others close some
    status = getattr(error, "http_status", None)
    if not isinstance(status, int) or not 400 <= status <= 599:
        return None
    wait = getattr(error, "retry_after", None)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    return HTTPError(status, headers=headers)


def from_starlette(error: HTTPException) -> HTTPError:
    """The same error as ours. Raises ValueError if its status is none of an error."""
    detail: Any = error.detail  # of any type, in FastAPI's class of this name
    status, headers = error.status_code, error.headers
    if not isinstance(detail, str):
        return HTTPError(status, headers=headers, detail=detail)
    has_text = detail not in ("", _phrase(status))
    return HTTPError(status, detail if has_text else None, headers=headers)


def _phrase(status: int) -> str:
    """The detail that Starlette gives to an error without one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
