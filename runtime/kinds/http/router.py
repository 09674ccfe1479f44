"""http.router: endpoints under one prefix, behind one row of middleware."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from runtime.engines.web.middleware import build as build_middleware
from runtime.engines.web.middleware.options import OptionError
from runtime.engines.web.routes import Group, Route, normal_prefix
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Kind, Linked
from runtime.kinds.http import Server


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    server: Server


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    prefix: str
    middleware: list[str]
    options: dict[str, Any] | None


class Router:
    """The endpoints that refer to it, as routes of one group."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        middleware = build_middleware(config.middleware, config.options or {})
        self.group = Group(prefix=normal_prefix(config.prefix), middleware=middleware)
        self._routes: Sequence[Route] = ()

    def compose(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    def routes(self) -> Sequence[Route]:
        return self._routes


def check(entry: Linked) -> Iterable[Problem]:
    try:
        build_middleware(entry.fields["middleware"], entry.fields["options"] or {})
    except OptionError as error:
        field = ("options", error.option) if error.option else ("middleware",)
        yield Problem(field, str(error))


kind = Kind("http.router", Config, Router, check=check, compose=Router.compose)
