"""Routes: the immutable table that says which handler answers a method on a path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp

from runtime.engines.web.exchange import NO_PARAMS, Exchange

Handler = Callable[[Exchange], Awaitable[Any]]
"""Answers an exchange by what it returns; see `runtime.engines.web.response`."""

Middleware = Callable[[ASGIApp], ASGIApp]

_SEGMENT = re.compile(r"[^{}%?#\s\x00-\x1f\x7f]*")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")


class Group(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Routes under one prefix that share their middleware, the first of which is the outermost."""

    prefix: str = ""
    middleware: tuple[Middleware, ...] = ()


class Route(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One method on one path. `{id}` stands for a segment, a last `{rest...}` for all that follow.

    `name` is what the log calls the handler. `timeout` is in seconds.
    """

    method: str
    path: str
    handler: Handler
    group: Group
    name: str = ""
    timeout: float | None = None
    catches_all: bool = False
    """Whether it stands for all below its path, so that the middleware there is that of the
    longest prefix, as for a path that nobody serves."""


class Match(NamedTuple):
    """What a lookup found; without a route, `allowed` are the methods the path does have."""

    route: Route | None
    params: Mapping[str, str]
    allowed: frozenset[str] = frozenset()


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
    is answered by GET. Raises ValueError for a malformed path and for a method and path twice.
    """

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._static: dict[str, dict[str, Route]] = {}
        self._root = _Node()
        self._count = 0
        for route in routes:
            self._add(route)
        # After all others, so that a HEAD of its own is never taken for a duplicate.
        _heads(self._root)
        for methods in self._static.values():
            if "GET" in methods:
                methods.setdefault("HEAD", methods["GET"])

    def __len__(self) -> int:
        return self._count

    def fixed(self, method: str, path: str) -> Route | None:
        """Look up a path among those without parameters: most requests end here."""
        methods = self._static.get(path)
        return None if methods is None else methods.get(method)

    def find(self, method: str, path: str) -> Match:
        """Look up a decoded path without a `%2F` in it."""
        if not path.startswith("/"):
            return Match(None, NO_PARAMS)  # `OPTIONS *`
        return self.find_segments(method, path[1:].split("/"))

    def find_segments(self, method: str, segments: Sequence[str]) -> Match:
        """Look up a path by its decoded segments, which may have a slash in them."""
        allowed: set[str] = set()
        values: list[str] = []
        target = _walk(self._root, method, segments, 0, values, allowed)
        if target is None:
            return Match(None, NO_PARAMS, frozenset(allowed))
        return Match(target.route, dict(zip(target.names, values, strict=True)))

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        segments = _segments(route.path)
        for segment in segments:
            parameter = _PARAMETER.fullmatch(segment)
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
        if not names:
            self._static.setdefault(route.path, {})[route.method] = route
        self._count += 1


def _segments(path: str) -> list[str]:
    """The segments of a declared path. Raises ValueError if it is malformed."""
    if not path.startswith("/"):
        raise ValueError(f"path '{path}' does not begin with '/'; write '/{path}'")
    segments = path[1:].split("/")
    seen: set[str] = set()
    for index, segment in enumerate(segments):
        parameter = _PARAMETER.fullmatch(segment)
        if parameter is None:
            if not _SEGMENT.fullmatch(segment):
                raise ValueError(f"segment '{segment}' of path '{path}' is malformed")
            continue
        if parameter[1] in seen:
            raise ValueError(f"path '{path}' has the parameter '{parameter[1]}' twice")
        if parameter[2] and index != len(segments) - 1:
            raise ValueError(f"'{segment}' is not the last segment of path '{path}'; move it there")
        seen.add(parameter[1])
    return segments


def _claim(methods: dict[str, _Target], route: Route, names: list[str]) -> None:
    taken = methods.get(route.method)
    if taken is not None:
        other = taken.route
        raise ValueError(
            f"{route.method} {route.path} of '{route.name}' is taken by "
            f"{other.method} {other.path} of '{other.name}'; change one of the two"
        )
    methods[route.method] = _Target(route, tuple(names))


def _heads(node: _Node) -> None:
    for methods in (node.here, node.rest):
        if "GET" in methods:
            methods.setdefault("HEAD", methods["GET"])
    for below in [*node.literal.values(), *([node.child] if node.child else [])]:
        _heads(below)


def _walk(
    node: _Node,
    method: str,
    segments: Sequence[str],
    index: int,
    values: list[str],
    allowed: set[str],
) -> _Target | None:
    """Each node is seen at most once, so a hostile path costs no more than the table's size."""
    if index == len(segments):
        allowed.update(node.here)
        return node.here.get(method)
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
    if node.rest:
        allowed.update(node.rest)
        found = node.rest.get(method)
        if found is not None:
            values.append("/".join(segments[index:]))
            return found
    return None


def shape(path: str) -> str:
    """A declared path without the names of its parameters: what a server tells routes apart by."""
    return _PARAMETER.sub(lambda parameter: f"{{{parameter[2] or ''}}}", path)


def repeated_parameter(path: str) -> str | None:
    """The name of a parameter that a declared path has twice."""
    names = [parameter[1] for parameter in _PARAMETER.finditer(path)]
    return next((name for name in names if names.count(name) > 1), None)


def trimmed(text: str) -> str:
    """`/api`, `/api/` and `api` are one prefix, `/` and the empty text are none."""
    bare = text.strip("/")
    return f"/{bare}" if bare else ""
