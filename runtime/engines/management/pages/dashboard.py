"""Dashboard: the parts that answer the requests of one door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any

from runtime.engines.management.pages.acting import Acting
from runtime.engines.management.pages.events import Events
from runtime.engines.management.pages.queue_pages import QueuePages
from runtime.engines.management.pages.reception import Reception
from runtime.engines.management.pages.site import Site
from runtime.engines.management.table import Desk
from runtime.engines.web.exchange import Exchange


class Dashboard:
    """Made with the first request for a page."""

    def __init__(self, desk: Desk) -> None:
        self._reception = Reception(desk)
        self.site = Site(desk.source, self._reception)
        self.queues = QueuePages(desk.source, self._reception)
        self.acting = Acting(desk.source, self._reception)
        self.events = Events(desk.source, self._reception.sight, self.site.flow)

    def part(self, name: str) -> Callable[[Exchange], Awaitable[Any]]:
        """The handler of a name such as `site.graph`."""
        found: Callable[[Exchange], Awaitable[Any]] = attrgetter(name)(self)
        return found

    def page(self, name: str) -> Callable[[Exchange], Awaitable[Any]]:
        """The handler that answers with the page of a name such as `site.overview`."""
        return self._reception.page(attrgetter(name)(self))
