"""Inspection: the names that a handler's file defines, read as syntax and never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from runtime.findings.display import display_path
from runtime.findings.finding import Position
from runtime.handlers.syntax import parse


class Signature(msgspec.Struct, frozen=True):
    """The number of positional arguments that a function takes; `most` is None for any number."""

    least: int
    most: int | None
    keywords: tuple[str, ...] = ()
    """Keyword-only parameters without a default. No caller passes them."""
    generates: tuple[int, int] | None = None
    """Line and column of a `yield`, which makes it a generator: a call runs nothing of it."""
    is_async: bool = False
    """True for an `async def`."""
    typed: bool = False
    """True if a parameter has an annotation that says something."""


class HandlerFile(msgspec.Struct, eq=False):
    """A file: its top-level functions, and its other names."""

    functions: dict[str, Signature] = {}
    """Functions whose parameters are certain."""
    names: set[str] = msgspec.field(default_factory=set)
    """Other names that the file defines. Each may be a function once the file is imported."""
    opaque: bool = False
    """True if there may be names that the syntax does not show (`from x import *`)."""
    tree: ast.Module | None = None
    """The syntax of the file, unless there is a fault."""
    fault: tuple[str, int, int] | None = None
    """The reason why the file cannot be read, with line and column counted from one."""

    def __contains__(self, name: str) -> bool:
        return name in self.functions or name in self.names


def inspect(file: Path) -> HandlerFile:
    """Read a file as syntax."""
    found = HandlerFile()
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        found.fault = (f"not valid Python: {error.msg}", line, column)
    except OSError as error:
        found.fault = (f"cannot be read: {(error.strerror or str(error)).lower()}", 1, 1)
    except (ValueError, RecursionError, MemoryError) as error:
        found.fault = (f"not valid Python: {type(error).__name__}", 1, 1)
    else:
        found.tree = tree
        _define(tree, found)
    return found


def position(file: Path, line: int, column: int) -> Position:
    """A position in a handler's file, as findings print it."""
    return Position(display_path(file), line, column)


def _define(tree: ast.Module, found: HandlerFile) -> None:
    """Collect the names of the module, also those inside an `if`, `try` or `with`."""
    for node in tree.body:
        # a decorator may replace the function by anything
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            found.functions[node.name] = _signature(node)
            found.opaque |= node.name == "__getattr__"
            continue
        for name in _defined_names(node):
            found.names.add(name)
            found.functions.pop(name, None)
            found.opaque |= name == "*"


def _defined_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement defines; `*` for names that it does not show."""
    waiting: list[ast.AST] = [statement]
    while waiting:  # no recursion: a long chain of `elif` is a deep tree
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name.partition(".")[0]
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Lambda():
                pass
            case _:
                waiting.extend(ast.iter_child_nodes(node))


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    keywords = tuple(
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    )
    most = None if arguments.vararg else positional
    least = positional - len(arguments.defaults)
    return Signature(
        least,
        most,
        keywords,
        _first_yield(function),
        is_async=isinstance(function, ast.AsyncFunctionDef),
        typed=is_typed(function),
    )


def is_typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True if a parameter has an annotation that says something, which `Any` does not."""
    return any(
        each.annotation is not None and not _says_nothing(each.annotation)
        for each in (
            *function.args.posonlyargs,
            *function.args.args,
            *function.args.kwonlyargs,
        )
    )


def _says_nothing(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name in ("Any", "object", "typing.Any")
    return False


def _first_yield(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int] | None:
    """The place of the function's own `yield`; those of functions inside it do not count."""
    waiting: list[ast.AST] = [*reversed(function.body)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return node.lineno, node.col_offset + 1
        if not isinstance(node, _NOT_ITS_OWN):
            waiting.extend(reversed([*ast.iter_child_nodes(node)]))
    return None


_NOT_ITS_OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
