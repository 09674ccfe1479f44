"""Factories: functions that make a value, read as syntax: their arguments, and their `yield`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from runtime.findings.finding import Problem
from runtime.findings.suggestion import did_you_mean
from runtime.kind import Factory

_Function = ast.FunctionDef | ast.AsyncFunctionDef

_TRANSPARENT = frozenset({"contextmanager", "asynccontextmanager"})
"""Decorators that leave the parameters as they are."""
_PLAIN = frozenset({"str", "int", "float", "bool", "list", "dict", "tuple", "set", "bytes"})
"""Annotations that name no component."""


def unfit_arguments(tree: ast.Module, name: str, rule: Factory) -> Iterator[Problem]:
    """Arguments that the function does not take, and parameters that it needs in vain."""
    function = _function(tree, name)
    if function is None:
        return
    declared = function.args
    by_name = {each.arg for each in (*declared.args, *declared.kwonlyargs)}
    if declared.kwarg is None:
        for given in rule.names:
            if given not in by_name:
                hint = did_you_mean(given, by_name)
                yield Problem((*rule.path, given), f"'{name}' has no parameter '{given}'", hint)
    missing = [each.arg for each in _required(declared) if each.arg not in rule.names]
    if missing:
        named = "', '".join(missing)
        field = rule.path[0]
        message = f"'{name}' needs '{named}', which '{field}' does not have"
        yield Problem(("source",), message, f"add it to '{field}', or give it a default")


def yields_again(tree: ast.Module, name: str) -> tuple[int, int] | None:
    """Line and column of a `yield` that certainly follows another one; None if there is none."""
    function = _function(tree, name)
    if function is None:
        return None
    found = [*_straight(function.body)]
    return (found[1].lineno, found[1].col_offset + 1) if len(found) > 1 else None


def _function(tree: ast.Module, name: str) -> _Function | None:
    """The top-level function of that name; None if another statement may give it the name."""
    found = [node for node in tree.body if name in _bound(node)]
    match found:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() as function]:
            if all(_last_name(each) in _TRANSPARENT for each in function.decorator_list):
                return function
    return None


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _required(declared: ast.arguments) -> Iterator[ast.arg]:
    """Parameters without a default that are certainly no component."""
    positional = [*declared.posonlyargs, *declared.args]
    needed = positional[: len(positional) - len(declared.defaults)]
    for each, default in zip(declared.kwonlyargs, declared.kw_defaults, strict=True):
        if default is None:
            needed.append(each)
    for each in needed:
        annotation = each.annotation
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        if annotation is None or _last_name(annotation) in _PLAIN:
            yield each


def _straight(statements: list[ast.stmt]) -> Iterator[ast.Yield | ast.YieldFrom]:
    """Those that are passed one after the other, as far as that is certain."""
    for node in statements:
        match node:
            case (
                ast.Expr(value=ast.Yield() as found)
                | ast.Assign(value=ast.Yield() as found)
                | ast.AnnAssign(value=ast.Yield() as found)
            ):
                yield found
            case ast.With(body=body) | ast.AsyncWith(body=body):
                yield from _straight(body)
            case ast.Try(body=body, finalbody=final):
                yield from _straight(body)
                yield from _straight(final)
            case ast.Return() | ast.Raise():
                return
