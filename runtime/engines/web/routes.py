"""Routes: the immutable table that maps a method and a path to a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp

from runtime.engines.web.exchange import NO_PARAMS, Exchange
from runtime.engines.web.guard import Guard
from runtime.engines.web.lifespan import Lifespan
from runtime.engines.web.operation import Operation
from runtime.engines.web.route_path import PARAMETER, decode_path, segments_of
from runtime.handlers.arguments.signature import Signature

Handler = Callable[[Exchange], Awaitable[Any]]
"""Answers an exchange by the value it returns; see `runtime.engines.web.response`."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ANY = "*"
"""The method of a route that serves all methods."""
WEBSOCKET = "WEBSOCKET"
"""Stands in place of the method for a route that answers requests which open a WebSocket."""

Middleware = Callable[[ASGIApp], ASGIApp]


class Group(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Routes under one prefix that share their middleware."""

    prefix: str = ""
    middleware: Mapping[str, Middleware] = msgspec.field(default_factory=dict)
    """By name, the outermost first."""
    name: str = ""


NO_GROUP = Group()
"""The group of a path that no prefix matches: no middleware."""


class Route(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One method on one path. `{id}` matches one segment, a trailing `{rest...}` all that follow.

    `name` is the handler's name in logs.
    """

    method: str
    path: str
    handler: Handler
    group: Group = NO_GROUP
    name: str = ""
    signature: Signature | None = None
    """That of the handler; None if it does not tell, or is none of an entry."""
    is_fallback: bool = False
    """True if it has the middleware of a path that is not served, whatever `group` is."""
    guards: tuple[Guard, ...] = ()
    """The guards before its handler, for the description of the route: the handler asks them."""
    lifespan: Lifespan | None = None
    """That of the application which answers; it must have started before."""
    operation: Operation | None = None
    """For an endpoint, what a description of the server says of it."""


class Match(NamedTuple):
    """The result of a lookup. `route` is None if the path or the method is not served."""

    route: Route | None
    group: Group
    """The group whose middleware the request goes through, with or without a route."""
    params: Mapping[str, str] = NO_PARAMS
    """Values of the path's parameters, decoded."""
    allowed: frozenset[str] = frozenset()
    """The methods that the path has: without a route, or with that of a folder, if endpoints are on
    this very path too. Empty if nothing is served there."""
    decodable: bool = True
    """False for a path that is not UTF-8."""


class _Target(NamedTuple):
    route: Route
    names: tuple[str, ...]


class _Node:
    __slots__ = ("child", "here", "literal", "rest")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.child: _Node | None = None
        self.here: dict[str, _Target] = {}
        self.rest: dict[str, _Target] = {}


class Routes:
    """A table of routes. Static segments beat parameters, segment by segment, with backtracking.

    A path that matches but lacks the method does not hide a less specific one that has it. HEAD
    falls back to GET. What has no route of its own goes through the middleware of the group with
    the longest matching prefix, of all groups if several have that prefix. The order of `routes`
    and `groups` changes nothing. Raises ValueError for a malformed path and for a duplicate.
    """

    def __init__(self, routes: Iterable[Route] = (), groups: Iterable[Group] = ()) -> None:
        given = [*groups]
        self._fallbacks = _one_for_each_prefix(given)
        self.groups = {*given, *self._fallbacks}
        """All groups that a match may name."""
        self._root = _Node()
        # Most requests are for a path without parameters: two dict lookups and a finished match.
        self._static: dict[bytes, dict[str, Match]] = {}
        self._count = 0
        self._methods = {"OPTIONS"}
        self.has_websockets = False
        for route in routes:
            self._add(route)
        # After all others, so that an explicit HEAD is never taken for a duplicate.
        _add_heads(self._root)
        for methods in self._static.values():
            if "GET" in methods:
                methods.setdefault("HEAD", methods["GET"])

    def __len__(self) -> int:
        return self._count

    def match(self, method: str, raw_path: bytes) -> Match:
        """Look up a path as it was sent, percent-encoded and without the query."""
        methods = self._static.get(raw_path)
        if methods is not None:
            found = methods.get(method)
            if found is not None:
                return found
        return self._search(method, raw_path)

    def _search(self, method: str, raw_path: bytes) -> Match:
        if not raw_path.startswith(b"/"):  # `OPTIONS *` asks for all that the server can do
            methods = self._methods if raw_path == b"*" else ()
            return Match(None, NO_GROUP, allowed=frozenset(methods))
        try:
            path, segments = decode_path(raw_path)
        except UnicodeDecodeError:
            return Match(None, self._group(raw_path.decode("latin-1")), decodable=False)
        allowed: set[str] = set()
        values: list[str] = []
        target = _walk(self._root, method, segments, 0, values, allowed)
        if target is None:
            return Match(None, self._group(path), allowed=frozenset(allowed))
        route = target.route
        params = dict(zip(target.names, values, strict=True))
        if not route.is_fallback:
            return Match(route, route.group, params)
        return Match(route, self._group(path), params, frozenset(allowed))

    def _group(self, path: str) -> Group:
        """The group with the longest prefix of `path`."""
        for group in self._fallbacks:
            if path == group.prefix or path.startswith(group.prefix + "/"):
                return group
        return NO_GROUP

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        segments = segments_of(route.path)
        for segment in segments:
            parameter = PARAMETER.fullmatch(segment)
            if parameter is None:
                node = node.literal.setdefault(segment, _Node())
                continue
            names.append(parameter[1])
            if parameter[2]:
                _claim(node.rest, route, names)
                break
            node.child = node.child or _Node()
            node = node.child
        else:
            _claim(node.here, route, names)
        if not names and not route.is_fallback:
            methods = self._static.setdefault(route.path.encode(), {})
            methods[route.method] = Match(route, route.group)
        if route.method == WEBSOCKET:
            self.has_websockets = True
        else:
            self._methods |= {*METHODS} if route.method == ANY else _with_head(route.method)
        self._count += 1


def _with_head(method: str) -> set[str]:
    return {"GET", "HEAD"} if method == "GET" else {method}


def _one_for_each_prefix(groups: Iterable[Group]) -> list[Group]:
    """The groups that answer for paths without a route, the longest prefix first.

    Groups of one prefix become one that has the middleware of all. Of two with one name, that of
    the group with more middleware counts, then that of the group whose name comes first.
    """
    merged: dict[str, Group] = {}
    for group in sorted(groups, key=lambda group: (-len(group.middleware), group.name)):
        first = merged.setdefault(group.prefix, group)
        if not group.middleware.keys() <= first.middleware.keys():
            both = {**first.middleware, **group.middleware, **first.middleware}
            merged[group.prefix] = Group(prefix=group.prefix, middleware=both)
    return sorted(merged.values(), key=lambda group: len(group.prefix), reverse=True)


def _claim(methods: dict[str, _Target], route: Route, names: list[str]) -> None:
    taken = methods.get(route.method)
    if taken is not None:
        other = taken.route
        raise ValueError(
            f"{route.method} {route.path} of '{route.name}' is taken by "
            f"{other.method} {other.path} of '{other.name}'; change one of the two"
        )
    methods[route.method] = _Target(route, tuple(names))


def _add_heads(node: _Node) -> None:
    for methods in (node.here, node.rest):
        if "GET" in methods:
            methods.setdefault("HEAD", methods["GET"])
    for below in [*node.literal.values(), *([node.child] if node.child else [])]:
        _add_heads(below)


def _walk(
    node: _Node,
    method: str,
    segments: Sequence[str],
    index: int,
    values: list[str],
    allowed: set[str],
) -> _Target | None:
    """Visit each node at most once, so a hostile path costs no more than the table's size."""
    if index == len(segments):
        found = _of_method(node.here, method)
        if found is None:
            _allow(allowed, node.here)
        return found
    segment = segments[index]
    literal = node.literal.get(segment)
    if literal is not None:
        found = _walk(literal, method, segments, index + 1, values, allowed)
        if found is not None:
            return found
    if node.child is not None and segment:
        values.append(segment)
        found = _walk(node.child, method, segments, index + 1, values, allowed)
        if found is not None:
            return found
        values.pop()
    found = _of_method(node.rest, method)
    if found is not None:
        values.append("/".join(segments[index:]))
        return found
    _allow(allowed, node.rest)
    return None


def _of_method(methods: Mapping[str, _Target], method: str) -> _Target | None:
    return methods.get(method) or (methods.get(ANY) if method != WEBSOCKET else None)


def _allow(allowed: set[str], methods: Mapping[str, _Target]) -> None:
    """Add the methods of a path, those of folders only if more specific routes have none."""
    own = [method for method, target in methods.items() if not target.route.is_fallback]
    allowed.update(own if own or allowed else methods)
