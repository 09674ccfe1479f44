"""Hints: the annotations of a function, with all names resolved."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_type_hints

from runtime.findings.display import display_path
from runtime.handlers import package
from runtime.handlers.syntax import parse
from runtime.service import StartError


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose parameters are those of `function`, behind partials and decorators.

    A decorator's own function has the say, unless it takes `*args` and passes them on.
    """
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif not isinstance(function, types.FunctionType):
            call = getattr(type(function), "__call__", None)  # noqa: B004 - that of its class
            if not isinstance(call, types.FunctionType):
                break
            function = call
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None and _passes(function):
            function = wrapped
    return function


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a caller of `function` fills; none of a builtin that does not say."""
    follow = _passes(function) if isinstance(function, types.FunctionType) else True
    try:
        return [*inspect.signature(function, follow_wrapped=follow).parameters.values()]
    except (TypeError, ValueError):
        return []


def place(function: Callable[..., Any]) -> str:
    """`file:line` of its `def`, behind decorators; its name for a builtin."""
    code = getattr(innermost(function), "__code__", None)
    if code is None:
        return getattr(function, "__qualname__", repr(function))
    return f"{display_path(code.co_filename)}:{code.co_firstlineno}"


def resolve(function: Callable[..., Any], name: str, annotation: Any) -> Any:
    """An annotation of `function` with its names resolved, `Annotated` included.

    Finds names that are imported under `if TYPE_CHECKING`. Raises StartError, with the place.
    """
    inner = innermost(function)
    names = getattr(inner, "__globals__", {})
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    try:
        try:
            return get_type_hints(holder, names, _closure(inner), include_extras=True)[name]
        except NameError:
            more = {**_closure(inner), **_checked_imports(names)}
            return get_type_hints(holder, names, more, include_extras=True)[name]
    except Exception as error:
        text = annotation if isinstance(annotation, str) else repr(annotation)
        what = "the result" if name == "return" else f"'{name}'"
        reason = f"{type(error).__name__}: {error}"
        text = f"the annotation of {what}, {text}, cannot be read: {reason}"
        raise unusable(place(function), text) from error


def unusable(place: str, error: object) -> StartError:
    """The error of a handler that cannot be called, at `file:line`, in names of the user's."""
    return StartError(f"{place}: {package.without_names(str(error))}")


def _passes(function: types.FunctionType) -> bool:
    """True if it takes `*args`, as a decorator does that passes on what it gets."""
    return bool(function.__code__.co_flags & inspect.CO_VARARGS)


def _closure(function: Callable[..., Any]) -> dict[str, Any]:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not cells:
        return {}
    found = {}
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found


def _checked_imports(names: Mapping[str, Any]) -> dict[str, Any]:
    """The names that a module imports only for type checkers, as far as that succeeds."""
    module = sys.modules.get(names.get("__name__", ""))
    try:
        tree = parse(inspect.getsource(module)) if module is not None else None
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, Any] = {}
    for statement in _type_checking(tree.body if tree is not None else []):
        code = compile(ast.Module([statement], []), "<TYPE_CHECKING>", "exec")
        local: dict[str, Any] = {}
        try:
            exec(code, {**names}, local)
        except Exception:  # the annotation that needs it tells what is missing
            continue
        found |= local
    return found


def _type_checking(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        match statement:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from statement.body
