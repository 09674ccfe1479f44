"""http, for a `def`: the request was read before the handler began, so that nothing blocks."""

from __future__ import annotations

from runtime.engines.web.request import BlockingRequest as Request
from runtime.modules.http import STATUS, Error, Reply, Response, exchange, response

__all__ = ["STATUS", "Error", "Reply", "Request", "Response", "exchange", "request", "response"]


def request() -> Request:
    """The request in hand, whose `json()` and `body()` return at once.

    Raises RuntimeError in a handler that no endpoint called, and in an `async def`.
    """
    return exchange().blocking_request
