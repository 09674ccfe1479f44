"""http: the current request, and the response that a handler may build."""

from __future__ import annotations

from enum import IntEnum

from starlette.datastructures import UploadFile
from starlette.responses import Response

from runtime.engines.web.event import Event
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError as Error
from runtime.engines.web.request import Request
from runtime.engines.web.response_builder import ResponseBuilder as Reply
from runtime.engines.web.websocket.websocket import Disconnected, WebSocket
from runtime.handlers import context
from runtime.handlers.arguments.markers import Body, Cookie, File, Form, Header, Path, Query, State

__all__ = [
    "STATUS",
    "Body",
    "Cookie",
    "Disconnected",
    "Error",
    "Event",
    "File",
    "Form",
    "Header",
    "Path",
    "Query",
    "Reply",
    "Request",
    "Response",
    "State",
    "UploadFile",
    "WebSocket",
    "exchange",
    "request",
    "response",
    "stopping",
]


class STATUS(IntEnum):
    """Status codes by name: `http.STATUS.CREATED`."""

    OK = 200
    CREATED = 201
    ACCEPTED = 202
    NO_CONTENT = 204
    PARTIAL_CONTENT = 206
    MOVED_PERMANENTLY = 301
    FOUND = 302
    SEE_OTHER = 303
    NOT_MODIFIED = 304
    TEMPORARY_REDIRECT = 307
    PERMANENT_REDIRECT = 308
    BAD_REQUEST = 400
    UNAUTHORIZED = 401
    PAYMENT_REQUIRED = 402
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    NOT_ACCEPTABLE = 406
    CONFLICT = 409
    GONE = 410
    UNPROCESSABLE = 422
    TOO_MANY_REQUESTS = 429
    INTERNAL_ERROR = 500
    INTERNAL_SERVER_ERROR = 500
    NOT_IMPLEMENTED = 501
    BAD_GATEWAY = 502
    SERVICE_UNAVAILABLE = 503
    GATEWAY_TIMEOUT = 504
    VERSION_NOT_SUPPORTED = 505


def request() -> Request:
    """The current request: Starlette's, whose `await json()` raises `Error` 400 for invalid JSON.

    Raises RuntimeError in a handler that was not called by an endpoint.
    """
    subject = context.call().subject
    return subject.request if isinstance(subject, Exchange) else exchange().request


def response() -> Reply:
    """The current response, sent once the handler has returned.

    Raises RuntimeError in a handler that was not called by an endpoint.
    """
    subject = context.call().subject
    return subject.response if isinstance(subject, Exchange) else exchange().response


async def stopping() -> None:
    """Return when the server begins to stop.

    A response that awaits this has the server's `stop_timeout` to come to its end. An event stream
    that never did is closed at once. Raises RuntimeError in a handler that was not called by an
    endpoint.
    """
    await exchange().stopping()


def exchange() -> Exchange:
    """The current exchange: request, response, `request_id`. Raises RuntimeError likewise."""
    call = context.call()
    if not isinstance(call.subject, Exchange):
        raise RuntimeError(
            f"there is no request here; '{call.entry}' was not called by an http.endpoint"
        )
    return call.subject
