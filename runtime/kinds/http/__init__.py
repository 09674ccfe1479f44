"""HTTP: servers, and what they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from runtime.engines.web.routes import Group, Route


class Part(Protocol):
    """A share of what a server serves, attached to it when both are built.

    It is asked only when the server starts, since others may attach to the part until then.
    """

    group: Group

    def routes(self) -> Iterable[Route]:
        """All its routes, with whole paths. Raises StartError if it cannot be served."""
        ...


class Server(Protocol):
    """Serves what is attached to it."""

    def attach(self, part: Part) -> None: ...


class Router(Protocol):
    """Serves routes under its prefix and behind its middleware."""

    group: Group

    def attach(self, route: Route) -> None:
        """Add a route, whose path is whole and whose group is the router's."""
        ...
