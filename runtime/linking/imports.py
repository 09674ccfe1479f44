"""Imports: the modules of `runtime.modules` and the files beside it that a Python file imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

MODULES = "runtime.modules"


class Imports(msgspec.Struct, eq=False):
    """The imports of one file, those inside of functions included."""

    modules: list[tuple[str, int, int]] = []
    """Modules of `runtime.modules`, with line and column counted from one."""
    others: set[str] = msgspec.field(default_factory=set)
    """Top-level names of other absolute imports: `queue` for that of the standard library."""
    relative: list[str] = []
    """Dotted paths of relative imports, with the name that is imported; they begin with dots."""
    opaque: bool = False
    """True if the file may import other modules of `runtime.modules` than the syntax shows."""


def imports(tree: ast.Module) -> Imports:
    """The imports of a file."""
    found = Imports()
    for node in _statements(tree):
        for path, line, column in _absolute(node):
            rest = path.removeprefix(f"{MODULES}.").removeprefix("sync.")
            if path in _WHOLE or rest == "*":
                found.opaque = True
            elif path.startswith(f"{MODULES}."):
                name = rest.partition(".")[0]
                found.modules.append((name, line, column + len(path) - len(rest)))
            else:
                found.others.add(path.partition(".")[0])
        if isinstance(node, ast.ImportFrom) and node.level:
            origin = "." * node.level + (f"{node.module}." if node.module else "")
            found.relative += [f"{origin}{alias.name}" for alias in node.names]
    return found


def imported_files(
    importer: Path, path: str, application: Path
) -> Iterator[tuple[Path, str | None]]:
    """The files of the application that a relative import leads to.

    With each comes the name that is taken from it, None for the whole file.
    """
    names = path.lstrip(".")
    folder = importer
    for _ in range(len(path) - len(names)):
        folder = folder.parent
    candidates: list[tuple[Path, str | None]] = []
    steps = [step for step in names.split(".") if step]
    for index, step in enumerate(steps):
        rest = steps[index + 1] if index + 1 < len(steps) else None
        candidates += [(folder / "__init__.py", step), (folder / f"{step}.py", rest)]
        folder /= step
    for file, name in (*candidates, (folder / "__init__.py", None)):
        try:
            if file.is_file() and file.resolve().is_relative_to(application):
                yield file, name
        except (OSError, RuntimeError):  # a name too long, a cycle of links
            continue


@cache
def own_modules() -> frozenset[str]:
    """The names under `runtime.modules`."""
    folder = Path(__file__).parents[1] / "modules"
    return frozenset(path.stem for path in folder.glob("[a-z]*.py"))


@cache
def known_modules() -> frozenset[str]:
    """The names that `modules` may list: the runtime's, and those of the standard library."""
    return own_modules() | sys.stdlib_module_names


_WHOLE = ("runtime", MODULES, f"{MODULES}.sync", "importlib")
"""Modules through which a file gets at any module of `runtime.modules`."""


def _statements(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import at any depth. Skips expressions, which have none and most of the nodes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            inner = [one for one in ast.iter_child_nodes(node) if isinstance(one, _WITH_STATEMENTS)]
            waiting.extend(reversed(inner))


_WITH_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


def _absolute(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, int, int]]:
    """The modules that an import names, each with the place at which its path begins."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, alias.lineno, alias.col_offset + 1
    elif node.level or not node.module:
        return
    elif node.module in (MODULES, f"{MODULES}.sync", "runtime"):
        prefix = f"{node.module}."
        for alias in node.names:
            yield prefix + alias.name, alias.lineno, alias.col_offset - len(prefix) + 1
    else:
        yield node.module, node.lineno, node.col_offset + len("from ") + 1
