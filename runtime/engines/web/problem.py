"""Problem: HTTP errors as problem documents (RFC 9457)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from runtime import codec

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
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def document(error: HTTPError) -> bytes:
    """Encode the document. Raises codec.NotJSON if `extra` is not representable in JSON."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": title(error.status),
        "status": error.status,
    }
    if error.message is not None:
        members["detail"] = error.message
    return codec.encode_response(members | error.extra | {"status": error.status})


def declared(error: BaseException) -> HTTPError | None:
    """The HTTP error that an exception declares by its attributes, if it does.

    Any exception may have `http_status` (400 to 599) and `retry_after` (seconds): so a full queue
    means 503 without depending on HTTP. A lack of file descriptors means it, too. The text of an
    exception was not written for clients and is not sent.
    """
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return HTTPError(503, headers={"Retry-After": "1"})  # others close some
    status = getattr(error, "http_status", None)
    if not isinstance(status, int) or not 400 <= status <= 599:
        return None
    wait = getattr(error, "retry_after", None)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    return HTTPError(status, headers=headers)
