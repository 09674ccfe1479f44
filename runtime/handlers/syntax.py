"""Syntax: the syntax tree of a source, read while other threads read theirs."""

from __future__ import annotations

import ast
from typing import Any

_TIMES = 100


def parse(source: str | bytes, name: str = "<unknown>") -> ast.Module:
    """As `ast.parse`, in any thread. Raises SyntaxError, ValueError, RecursionError and
    MemoryError.
    """
    tree: ast.Module = _compile(source, name, "exec")
    return tree


def parse_expression(source: str) -> ast.expr:
    """As `ast.parse` with the mode `eval`, in any thread. Raises as `parse` does."""
    tree: ast.Expression = _compile(source, "<unknown>", "eval")
    return tree.body


def _compile(source: str | bytes, name: str, mode: str) -> Any:
    """Try again where another thread came between: Python 3.11 counts the depth of a tree for all
    of them together, and raises SystemError (python/cpython#106905). `traceback` reads syntax too.
    """
    for _ in range(_TIMES):
        try:
            return compile(source, name, mode, ast.PyCF_ONLY_AST)
        except SystemError:
            continue
    return compile(source, name, mode, ast.PyCF_ONLY_AST)
