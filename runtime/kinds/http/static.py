"""http.static: a folder of files under one path of a server."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from runtime.engines.web.files import Files
from runtime.engines.web.guard import bound, guarded
from runtime.engines.web.routes import Route
from runtime.kind import BuildContext, Claim, Kind, Linked
from runtime.kinds.http import Guard, Server


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    server: Server


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    path: str
    directory: str
    spa: bool
    index: str
    cache: str | None
    guards: list[Guard]


class StaticFolder:
    def __init__(self, config: Config, context: BuildContext) -> None:
        self.group = None
        self._path = config.path
        self._name = str(context.id)
        self._guards = config.guards
        self._files = Files(
            context.path(config.directory),
            index=config.index,
            spa=config.spa,
            cache=config.cache or "",
        )

    def routes(self) -> list[Route]:
        self._files.check()
        return [self._guarded(route) for route in self._files.routes(self._path, self._name)]

    def _guarded(self, route: Route) -> Route:
        guards = bound(self._guards, route.method, route.path)
        return replace(route, handler=guarded(route.handler, guards), guards=guards)


def check(entry: Linked) -> Iterable[Claim]:
    server = entry.follow("meta", "server")
    if server:
        path = entry.fields["path"].rstrip("/")
        for taken in (path, f"{path}/{{...}}") if path else ("/{...}",):
            what = f"GET {entry.fields['path']}"
            yield Claim(server.id, what, ("path",), key=f"GET {taken}")


kind = Kind("http.static", Config, StaticFolder, check=check)
