"""Statuses: those that the code of a handler sets or raises, read from its source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from runtime.engines.web.problem import HTTPError
from runtime.handlers.arguments.hints import innermost
from runtime.handlers.syntax import parse

_DEPTH = 3
"""Calls from function to function that are followed, within the same application."""
_KEYWORDS = ("status", "status_code")
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.IfExp)


class Statuses(msgspec.Struct, frozen=True):
    """Statuses by the way in which a handler responds with them."""

    always: int | None = None
    """The status that it sets on every way to its end."""
    set: frozenset[int] = frozenset()
    """Set on the response, or given to a response object."""
    raised: frozenset[int] = frozenset()
    """Raised as errors, and so sent as problem documents."""


def read_statuses(function: Callable[..., Any]) -> Statuses:
    """Read them from the function, and the errors also from those it calls in its application."""
    found = _Found()
    found.read(innermost(function), _DEPTH)
    return Statuses(found.always, frozenset(found.set), frozenset(found.raised))


class _Found:
    def __init__(self) -> None:
        self.always: int | None = None
        self.set: set[int] = set()
        self.raised: set[int] = set()
        self._seen: set[Any] = set()

    def read(self, function: Any, depth: int) -> None:
        code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
        if code is None or code in self._seen or not depth:
            return
        self._seen.add(code)
        try:
            tree = parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):  # no source, or a lambda within a line
            return
        handler = depth == _DEPTH
        certain = {id(node) for node in _unconditional(tree)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            callee = _resolve(node.func, names)
            if isinstance(callee, type) and issubclass(callee, HTTPError | HTTPException):
                self.raised |= _status(node.args[:1], node.keywords, names)
            elif (
                handler and isinstance(node.func, ast.Attribute) and node.func.attr == "set_status"
            ):
                given = _status(node.args[:1], node.keywords, names)
                self.set |= given
                if id(node) in certain:
                    self.always = next(iter(given), self.always)
            elif handler:
                self.set |= _status([], node.keywords, names)
            if inspect.isfunction(callee) and _beside(callee, function):
                self.read(innermost(callee), depth - 1)


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one that no branch or loop can leave out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _BRANCHES):
            yield child
            yield from _unconditional(child)


def _status(
    positional: list[ast.expr], keywords: list[ast.keyword], names: dict[str, Any]
) -> set[int]:
    given = [*positional, *(word.value for word in keywords if word.arg in _KEYWORDS)]
    values = [_resolve(each, names) for each in given]
    return {int(value) for value in values if isinstance(value, int) and 200 <= value <= 599}


def _resolve(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of a constant or a dotted name; None for any other expression."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names.get(node.id)
        case ast.Attribute():
            return getattr(_resolve(node.value, names), node.attr, None)
        case _:
            return None


def _beside(one: Any, other: Any) -> bool:
    """True for two functions of one application, or of one package."""
    first, second = str(one.__module__).split("."), str(other.__module__).split(".")
    return first[0] == second[0]
