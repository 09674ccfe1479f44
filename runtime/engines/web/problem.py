"""Problem: an HTTP error as a client reads it, in the form of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from runtime import codec

CONTENT_TYPE = (b"content-type", b"application/problem+json")


class HTTPError(Exception):
    """Answer with this status, as `application/problem+json`.

    `message` is shown to the client as `detail`; `extra` are further members of the document.
    `headers` go out with it. Raises ValueError for a status that is no error (400 to 599).
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
    """The standard phrase of a status; the status itself for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def document(error: HTTPError) -> bytes:
    """The body of the answer. Raises codec.NotJSON if `extra` holds what JSON cannot say."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": title(error.status),
        "status": error.status,
    }
    if error.message is not None:
        members["detail"] = error.message
    return codec.encode_response(members | error.extra | {"status": error.status})


def declared(error: BaseException) -> HTTPError | None:
    """The answer that an exception's class declares for itself, if it does.

    Any exception may have `http_status` (400 to 599) and `retry_after` (seconds): that is how a
    full queue says 503 without knowing of HTTP. Its text stays inside: it was not written for
    clients.
    """
    status = getattr(error, "http_status", None)
    if not isinstance(status, int) or not 400 <= status <= 599:
        return None
    wait = getattr(error, "retry_after", None)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    return HTTPError(status, headers=headers)
