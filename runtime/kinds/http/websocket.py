"""http.websocket: connections for messages both ways on one path, each answered by a function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from runtime.engines.web.arguments import LOCATIONS
from runtime.engines.web.arguments import Arguments as RequestArguments
from runtime.engines.web.guard import bound, guarded
from runtime.engines.web.route_path import normal_prefix, parameter_names, repeated_parameter, shape
from runtime.engines.web.routes import WEBSOCKET, Handler, Route
from runtime.findings.extra import missing_package
from runtime.findings.finding import Note, Problem
from runtime.kind import (
    Arguments,
    BuildContext,
    Claim,
    Generator,
    Kind,
    Linked,
    Sources,
    StartError,
)
from runtime.kinds.function import Described, Function
from runtime.kinds.http import Guard, Router

if TYPE_CHECKING:
    from runtime.engines.web.websocket.opening import Opening


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    router: Router


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    path: str
    func: Function
    guards: list[Guard]
    origins: list[str] | None
    subprotocols: list[str]
    max_message: int
    backlog: int
    ping: float
    max_connections: int | None


def build(config: Config, context: BuildContext) -> Route:
    from runtime.engines.web.websocket.opening import Limits, Opening  # needs the extra
    from runtime.engines.web.websocket.origins import Origins

    router, function = config.meta.router, config.func
    if function.blocking:
        place = context.position("func")
        raise StartError(f"{place}: '{function.id}' is a plain 'def'; write 'async def'")
    path = router.group.prefix + config.path
    guards = bound((*router.guards, *config.guards), "GET", path)
    opening = Opening(
        Limits(max_message=config.max_message, backlog=config.backlog, ping=config.ping),
        Origins(config.origins),
        config.subprotocols,
        config.max_connections,
        context.clock,
    )
    handler = _handler(function, path, opening, context)
    return Route(
        method=WEBSOCKET,
        path=path,
        handler=opening.before(guarded(handler, guards)),
        group=router.group,
        name=str(function.id),
        guards=guards,
    )


def _handler(function: Function, path: str, opening: Opening, context: BuildContext) -> Handler:
    """Choose once how the function is called, so that connections need not."""
    from runtime.engines.web.websocket.opening import socket_caller, socket_of

    call = opening.conversing(function.call)
    if isinstance(function, Described):
        by = socket_caller(path, parameter_names(path), function.id.namespace)
        signature = function.signature(by)
        if signature.typed:
            return RequestArguments(signature, by, context.scope).handler(call)
    return lambda exchange: call(exchange, socket_of(exchange))


def check(entry: Linked) -> Iterable[Claim | Arguments | Problem]:
    yield from missing_package("websocket", "websockets", "websockets")
    router = entry.follow("meta", "router")
    path = (normal_prefix(router.fields["prefix"]) if router else "") + entry.fields["path"]
    yield Arguments(
        ("func",),
        1,
        1,
        "a WebSocket",
        by_annotation=True,
        sources=_sources(entry, router, path),
        generator=Generator(hint="send its values: await socket.send(value)"),
        is_async=True,
    )
    if name := repeated_parameter(entry.fields["path"]):
        yield Problem(("path",), f"the path has the parameter '{name}' twice", "rename one of them")
    if "*" in (entry.fields["origins"] or ()):
        message = "pages of any origin may act for whoever visits them, by their cookies"
        yield Note(("origins",), message, "name the origins, unless no cookie counts here")
    server = router.follow("meta", "server") if router else None
    if server:
        claim = f"{WEBSOCKET} {shape(path)}"
        yield Claim(server.id, f"the WebSocket {path}", ("path",), key=claim)


def _sources(entry: Linked, router: Linked | None, path: str) -> Sources:
    has_guards = entry.fields["guards"] or (router and router.fields["guards"])
    return Sources(
        caller=f"the WebSocket {path}",
        locations=LOCATIONS - {"body", "form"},
        given=frozenset({"request", "socket", "logger"}),
        required="socket",
        path=parameter_names(path),
        path_field=() if has_guards or path.endswith("...}") else ("path",),
        no_body="a WebSocket's request has none",
    )


kind = Kind("http.websocket", Config, build, check=check)
