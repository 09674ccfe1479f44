"""http for a plain `def`: the body was read before the handler started, so nothing blocks."""

from __future__ import annotations

import asyncio

from runtime.engines.web.blocking_request import BlockingRequest as Request
from runtime.engines.web.blocking_upload import BlockingUpload as UploadFile
from runtime.handlers.context import call
from runtime.modules.http import (
    STATUS,
    Body,
    Cookie,
    Error,
    File,
    Form,
    Header,
    Path,
    Query,
    Reply,
    Response,
    State,
    exchange,
    response,
)

__all__ = [
    "STATUS",
    "Body",
    "Cookie",
    "Error",
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
    "exchange",
    "request",
    "response",
    "stopping",
]


def request() -> Request:
    """The current request, whose `json()` and `body()` return at once.

    Raises RuntimeError in an `async def`, and in a handler that was not called by an endpoint.
    """
    return exchange().blocking_request


def stopping(timeout: float | None = None) -> bool:
    """Block until the server begins to stop, or for `timeout` seconds.

    Returns True if it is stopping: `while not http.stopping(timeout=1): yield event()`.
    """
    loop = call().scope.loop
    assert loop is not None
    waiting = asyncio.run_coroutine_threadsafe(exchange().stopping(), loop)
    try:
        waiting.result(timeout)
    except TimeoutError:
        waiting.cancel()
        return False
    return True
