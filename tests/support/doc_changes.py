"""Changes of a Python file as pages show them: only the definitions that become others."""

from __future__ import annotations

import ast


def changed(text: str, changes: str) -> str:
    """The file with each statement of `changes` in the place of the one that defines the same.

    What is new comes after the last import if it is an import or a name, and else to the end.
    """
    for statement in ast.parse(changes).body:
        source = changes.splitlines()[_first_line(statement) - 1 : statement.end_lineno]
        text = _placed(text, statement, "\n".join(source))
    return text


def _placed(text: str, statement: ast.stmt, source: str) -> str:
    lines = text.splitlines()
    body = ast.parse(text).body
    for old in body:
        if _defines(old) == _defines(statement):
            lines[_first_line(old) - 1 : old.end_lineno] = [source]
            return "\n".join(lines) + "\n"
    if isinstance(statement, _DEFINITIONS):
        return f"{text}\n\n{source}\n"
    sorts = _IMPORTS if isinstance(statement, _IMPORTS) else (ast.Expr, *_IMPORTS, ast.Assign)
    before = [old.end_lineno or 0 for old in body if isinstance(old, sorts)]
    if not before:
        return f"{source}\n\n\n{text}"
    return "\n".join([*lines[: before[-1]], source, *lines[before[-1] :]]) + "\n"


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _first_line(statement: ast.stmt) -> int:
    """That of its first decorator, if it has any."""
    decorators = getattr(statement, "decorator_list", [])
    return min(each.lineno for each in (statement, *decorators))


def _defines(statement: ast.stmt) -> object:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.ImportFrom(module=module, level=level):
            return "from", module, level
    return ast.dump(statement)
