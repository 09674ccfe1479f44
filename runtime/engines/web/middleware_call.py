"""MiddlewareCall: an ASGI middleware of the user's around the handlers of a router."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.engines.web.exchange import EXCHANGE, Exchange
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current


class MiddlewareCall:
    """The reason for a middleware's call. It has the request from ASGI, and `http.request` not:
    the request is made for the handler, from what the middleware hands on.
    """

    has_client = True

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def log_ids(self) -> Mapping[str, object]:
        return self._exchange.log_ids

    def become_async(self) -> None:
        pass


def called(app: ASGIApp, entry: EntryId, context: ApplicationContext) -> ASGIApp:
    """Call `app`, a middleware of an entry, so that it can use `runtime.modules` like a handler."""
    name = str(entry)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[EXCHANGE]
        current.set(Call(entry, context, MiddlewareCall(exchange)))
        try:
            await app(scope, receive, send)
        except BaseException:
            exchange.failed_in = name
            raise

    return call
