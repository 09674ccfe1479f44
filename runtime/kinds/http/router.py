"""http.router: endpoints under one prefix, behind one row of middleware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.finding import Finding, ManifestError
from runtime.kind import BuildContext, Kind
from runtime.kinds.http import Server
from runtime.web.middleware import build as build_middleware
from runtime.web.middleware.options import OptionError
from runtime.web.routes import Group, Middleware, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    server: Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    meta: Meta
    prefix: str
    middleware: list[str]
    options: dict[str, Any] | None


class Router:
    """Keeps the routes that are attached to it until its server starts."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        self.group = Group(prefix=_prefix(config.prefix), middleware=_middleware(config, context))
        self._routes: list[Route] = []
        config.meta.server.attach(self)

    def attach(self, route: Route) -> None:
        self._routes.append(route)

    def routes(self) -> list[Route]:
        return self._routes


def _prefix(text: str) -> str:
    """`/api`, `/api/` and `api` are one prefix, `/` and the empty text are none."""
    trimmed = text.strip("/")
    return f"/{trimmed}" if trimmed else ""


def _middleware(config: Config, context: BuildContext) -> tuple[Middleware, ...]:
    try:
        return build_middleware(config.middleware, config.options or {})
    except OptionError as error:
        field = ("options", error.option) if error.option else ("middleware",)
        raise ManifestError([Finding(context.position(*field), str(error))]) from None


kind = Kind("http.router", Config, Router)
