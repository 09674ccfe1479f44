"""http for a plain `def`: the body was read before the handler started, so nothing blocks."""

from __future__ import annotations

from runtime.engines.web.request import BlockingRequest as Request
from runtime.modules.http import STATUS, Error, Reply, Response, exchange, response

__all__ = ["STATUS", "Error", "Reply", "Request", "Response", "exchange", "request", "response"]


def request() -> Request:
    """The current request, whose `json()` and `body()` return at once.

    Raises RuntimeError in an `async def`, and in a handler that was not called by an endpoint.
    """
    return exchange().blocking_request
