"""HTTP: servers, routers and static folders; middleware and guards of other packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from runtime.engines.web.guard import Guard
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.routes import Group, Middleware, Route

__all__ = ["GUARDED", "Guard", "Middleware", "OptionError", "Part", "Router", "Server"]


GUARDED = ("http.router", "http.endpoint", "http.websocket", "http.static", "http.mount")
"""The kinds that name guards."""


class Part(Protocol):
    """A router or static folder of a server, which asks for its routes when it starts."""

    @property
    def group(self) -> Group | None:
        """The group of its routes; None for routes that belong to the groups of others."""
        ...

    def routes(self) -> Iterable[Route]:
        """All its routes, with full paths. Raises StartError if it cannot be served."""
        ...


class Server(Protocol):
    """Serves the parts that refer to it."""


class Router(Protocol):
    """Serves routes under its prefix and behind its middleware."""

    group: Group
    guards: Sequence[Guard]
    """Asked before every endpoint, in this order."""
