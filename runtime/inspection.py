"""Inspection: what a handler's file defines and imports, read as syntax and never run."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath

from runtime.finding import Position

MODULES = "runtime.modules"


class Misplaced(Exception):
    """A `source` that leads to no file. The text says why; `hint` is the mend."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Signature:
    """How many positional arguments a function takes; `most` is None for any number."""

    least: int
    most: int | None
    keywords: tuple[str, ...] = ()
    """Keyword-only parameters without a default, which nobody would fill."""


@dataclass(slots=True)
class HandlerFile:
    """One file: its top-level functions, its other names, and the runtime modules it imports."""

    functions: dict[str, Signature] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    opaque: bool = False
    """Whether more names may exist than could be seen (`from x import *`)."""
    imports: list[tuple[str, int, int]] = field(default_factory=list)
    """Modules of the runtime, with line and column counted from one."""
    fault: tuple[str, int, int] | None = None
    """Why the file cannot be read, with line and column counted from one."""


def locate(source: str, manifest_folder: Path, application: Path) -> Path | None:
    """The file that `source` names. None for a module that has no Python source.

    Raises Misplaced.
    """
    scheme, _, rest = source.partition("://")
    if scheme == "module":
        return _installed(rest)
    path = PurePosixPath(rest)
    if path.is_absolute() or "\\" in rest or "\0" in rest or ":" in rest:
        raise Misplaced(f"'{rest}' is not a path relative to the manifest's folder")
    file = manifest_folder / path
    if not file.resolve().is_relative_to(application.resolve()):
        raise Misplaced(f"'{rest}' leads out of the application's folder")
    if any("." in part for part in (*path.parts[:-1], path.stem) if part != ".."):
        raise Misplaced(f"'{rest}' has a dot in its name", "name it so that Python can import it")
    if not file.is_file():
        raise Misplaced(f"no file '{rest}'")
    return file


def _installed(name: str) -> Path | None:
    """Find a module without importing it or the packages around it."""
    folders = None
    spec = None
    parts = name.split(".")
    for index in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: index + 1]), folders)
        if spec is None:
            where = ".".join(parts[: index + 1])
            raise Misplaced(f"no module '{where}'", "install the package that holds it")
        folders = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


@cache
def inspect(file: Path) -> HandlerFile:
    """Read a file as syntax."""
    found = HandlerFile()
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        found.fault = (error.msg, error.lineno or 1, max(error.offset or 1, 1))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        found.fault = (f"cannot be read: {error}", 1, 1)
    else:
        _names(tree.body, found)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.imports += [
                    (name, node.lineno, node.col_offset + 1) for name in _modules(node)
                ]
    return found


@cache
def own_modules() -> frozenset[str]:
    """The names under `runtime.modules`."""
    folder = Path(__file__).parent / "modules"
    return frozenset(path.stem for path in folder.glob("[a-z]*.py"))


@cache
def known_modules() -> frozenset[str]:
    """The names that `modules` may list: the runtime's, and those of the standard library."""
    return own_modules() | sys.stdlib_module_names


def _names(body: list[ast.stmt], found: HandlerFile) -> None:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.decorator_list:  # what it takes is the decorator's secret
                    found.names.add(node.name)
                    found.functions.pop(node.name, None)
                else:
                    found.functions[node.name] = _signature(node.args)
            case ast.ClassDef():
                found.names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    found.opaque |= alias.name == "*"
                    found.names.add(alias.asname or alias.name.partition(".")[0])
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    found.names.update(
                        name.id for name in ast.walk(target) if isinstance(name, ast.Name)
                    )
            case _:
                for inner in _blocks(node):
                    _names(inner, found)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside an `if`, a `try` or a `with`, which define names all the same."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _signature(arguments: ast.arguments) -> Signature:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    keywords = tuple(
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    )
    most = None if arguments.vararg else positional
    return Signature(positional - len(arguments.defaults), most, keywords)


def _modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The runtime modules that an import reaches, by their plain names."""
    if isinstance(node, ast.Import):
        paths = [alias.name for alias in node.names]
    elif node.level or not node.module:
        return
    elif node.module in (MODULES, f"{MODULES}.sync", "runtime"):
        paths = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        paths = [node.module]
    for path in paths:
        if path.startswith(f"{MODULES}."):
            name = path.removeprefix(f"{MODULES}.").removeprefix("sync.").partition(".")[0]
            if name not in ("sync", "*"):
                yield name


def position(file: Path, line: int, column: int) -> Position:
    """A place in a handler's file, as findings print it."""
    try:
        shown = str(file.absolute().relative_to(Path.cwd()))
    except ValueError:
        shown = str(file)
    return Position(shown, line, column)
