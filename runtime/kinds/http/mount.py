"""http.mount: an ASGI application under a path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime.engines.web.guard import bound, guarded
from runtime.engines.web.mount import Mount
from runtime.engines.web.route_path import normal_prefix
from runtime.engines.web.routes import METHODS, WEBSOCKET, Route
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Claim, Kind, Linked, StartError
from runtime.kinds.function import Described
from runtime.kinds.http import Guard, Router, Server


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    router: Router | None
    server: Server | None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    path: str
    app: Described
    factory: bool
    guards: list[Guard]


class MountedApplication:
    """A part of a server, or of a router."""

    group = None

    def __init__(self, config: Config, context: BuildContext) -> None:
        router = config.meta.router
        self._group = None if router is None else router.group
        self._guards = [*(router.guards if router else ()), *config.guards]
        prefix = self._group.prefix if self._group else ""
        app = _application(config, context)
        self._mount = Mount(app, prefix + config.path, str(context.id))

    def routes(self) -> list[Route]:
        return [self._guarded(route) for route in self._mount.routes(self._group)]

    def _guarded(self, route: Route) -> Route:
        guards = bound(self._guards, route.method, route.path)
        return replace(route, handler=guarded(route.handler, guards), guards=guards)


def _application(config: Config, context: BuildContext) -> Any:
    app = config.app.function
    if not config.factory:
        return app
    try:
        made = app()
    except Exception as error:  # the user's code may fail in any way
        reason = f"the factory of '{context.id}' has failed: {type(error).__name__}: {error}"
        raise StartError(f"{context.position('app')}: {reason}") from error
    if not callable(made):
        kind = type(made).__name__
        reason = f"the factory of '{context.id}' returned a value of type {kind}"
        raise StartError(f"{context.position('app')}: {reason}, no ASGI application")
    return made


def check(entry: Linked) -> Iterable[Claim | Problem]:
    router = entry.follow("meta", "router")
    given = [name for name in ("router", "server") if entry.fields["meta"].get(name)]
    if len(given) != 1:
        message = "'meta' names " + ("a router and a server" if given else "no router or server")
        yield Problem(("meta",), message, "write 'router', or 'server' for none of the routers")
        return
    server = router.follow("meta", "server") if router else entry.follow("meta", "server")
    if server is None:
        return
    path = (normal_prefix(router.fields["prefix"]) if router else "") + entry.fields["path"]
    top = path.rstrip("/")
    for taken in (top, f"{top}/{{...}}") if top else ("/{...}",):
        for method in (*METHODS, WEBSOCKET):
            yield Claim(server.id, f"the path {path}", ("path",), key=f"{method} {taken}")


kind = Kind("http.mount", Config, MountedApplication, check=check)
