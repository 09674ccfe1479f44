"""Traffic: the requests that a server has answered, for whoever adds them up."""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

GONE = 499
"""The status of a request whose client left before the response; as nginx has it."""


class Traffic:
    """The requests since they were taken last. Belongs to one event loop."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended: list[tuple[Route, int, float]] = []
        """The route, the status, and the seconds until the response was sent."""

    async def follow(self, exchange: Exchange, route: Route, answering: Awaitable[None]) -> None:
        """Await the answer to a request, and note it."""
        began = monotonic()
        try:
            await answering
        finally:
            self.ended.append((route, exchange.status or GONE, monotonic() - began))

    def take(self) -> list[tuple[Route, int, float]]:
        """All of it; it begins anew."""
        taken, self.ended = self.ended, []
        return taken
