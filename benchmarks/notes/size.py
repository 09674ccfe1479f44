"""Size: the lines of an application, and the concepts that its author has to know."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml


def lines(files: Sequence[Path]) -> int:
    """The lines with something on them, without comments and docstrings."""
    return sum(len(_code_lines(file)) for file in files)


def concepts(files: Sequence[Path]) -> set[str]:
    """The names that Python imports from other packages than the application and the standard
    library, and the kinds of a manifest."""
    own = {file.stem for file in files}
    found: set[str] = set()
    for file in files:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".py":
            found.update(_imported(ast.parse(text), own))
        elif file.suffix == ".yaml":
            found.update(entry["kind"] for entry in yaml.safe_load(text)["entries"])
    return found


def _code_lines(file: Path) -> set[int]:
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        comment = "--" if file.suffix == ".sql" else "#"
        kept = (line.strip() for line in text.splitlines())
        return {n for n, line in enumerate(kept) if line and not line.startswith(comment)}
    numbers: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            numbers.update(range(token.start[0], token.end[0] + 1))
    for start, end in _docstrings(ast.parse(text)):
        numbers.difference_update(range(start, end + 1))
    return numbers


_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                yield node.lineno, node.end_lineno or node.lineno


def _imported(tree: ast.AST, own: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [(alias.name, alias.name) for alias in node.names]
            case ast.ImportFrom(module=str(module)) if node.level == 0:
                names = [(module, f"{module}.{alias.name}") for alias in node.names]
            case _:
                continue
        for module, name in names:
            top = module.partition(".")[0]
            if top not in own and top not in sys.stdlib_module_names:
                yield name
