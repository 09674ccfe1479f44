"""Traffic: the requests that a server has answered, for whoever adds them up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.engines.web.access_log import AccessLog
    from runtime.engines.web.exchange import Exchange
    from runtime.engines.web.routes import Route

GONE = 499
"""The status of a request whose client left before the response; as nginx has it."""


class Traffic:
    """The requests since they were taken last, if `counts`. Belongs to one event loop."""

    __slots__ = ("_access", "_counts", "ended")

    def __init__(self, access: AccessLog | None = None, *, counts: bool = True) -> None:
        """Each is written to `access` too, if that is given."""
        self._access = access
        self._counts = counts
        self.ended: defaultdict[tuple[Route, int], list[float]] = defaultdict(list)
        """By route and status, the seconds of each until the response was sent, or only the head of
        one that is endless.
        """

    def note(self, exchange: Exchange, route: Route, seconds: float) -> None:
        """Note a request that has been answered, which took so long."""
        status = exchange.status or GONE
        if self._counts:
            self.ended[route, status].append(seconds)
        if self._access is not None:
            self._access.answered(exchange, route, status, seconds)

    def take(self) -> Mapping[tuple[Route, int], list[float]]:
        """All of it; it begins anew."""
        taken, self.ended = self.ended, defaultdict(list)
        return taken
