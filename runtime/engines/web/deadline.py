"""Deadline: ends a handler that takes too long, by the application's clock."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.clock import Clock
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Handler
from runtime.loggers import logger

_log = logger("runtime.http")


def with_deadline(handler: Handler, seconds: float, clock: Clock, route: str, name: str) -> Handler:
    """Wrap a handler so that it is cancelled after `seconds` and the client gets 504.

    `route` and `name` identify it in the log: `GET /tasks` and `app:list_tasks`.
    """

    async def call(exchange: Exchange) -> Any:
        try:
            async with asyncio.timeout(None) as limit:
                # A moment that has passed on the loop's clock: the limit expires at once.
                timer = clock.call_later(seconds, lambda: limit.reschedule(0))
                try:
                    return await handler(exchange)
                finally:
                    timer.cancel()
        except TimeoutError:
            if not limit.expired():
                raise  # the handler's own
            ids = {"entry": exchange.failed_in or name, **exchange.log_ids}
            _log.warning("%s took longer than %g s", route, seconds, extra=ids)
            raise HTTPError(504, f"no answer within {seconds:g} seconds") from None

    return call
