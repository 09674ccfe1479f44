"""Script: a text with several statements, split into them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from runtime.engines.sql.sqlite.statement import (
    TOKEN,
    Category,
    Statement,
    after_blank,
    classify,
    headline,
)

_FOREIGN_KEYS = re.compile(r"PRAGMA\s+(\w+\s*\.\s*)?foreign_keys\s*[=(]", re.IGNORECASE)


class ScriptStatement(msgspec.Struct, frozen=True):
    """One statement, and its place in the script."""

    text: str
    place: str
    statement: Statement


def split(script: str) -> Sequence[ScriptStatement]:
    """The statements of a script. Raises ValueError for one that has none, or one that has no place
    in a transaction."""
    if "\0" in script:
        raise ValueError("the script has a NUL in it")
    statements = []
    line, counted = 1, 0
    for number, (start, text) in enumerate(_texts(script), 1):
        line += script.count("\n", counted, start)
        counted = start
        place = f"statement {number} (line {line})"
        statement = classify(text)
        if statement.category is Category.CONTROL:
            raise ValueError(
                f"{place}: {statement.verb} in a script, which is one transaction; leave it out"
            )
        if _FOREIGN_KEYS.match(text):
            raise ValueError(
                f"{place}: '{headline(text)}' means nothing inside a transaction; "
                "use the field 'pragmas' of the database"
            )
        statements.append(ScriptStatement(text, place, statement))
    if not statements:
        raise ValueError("the script is empty")
    return statements


@contextmanager
def at_place(place: str) -> Iterator[None]:
    """Begin the errors of one statement of a script with its place."""
    try:
        yield
    except Exception as error:
        error.args = (f"{place}: {error}", *error.args[1:])
        raise


def _texts(script: str) -> Iterator[tuple[int, str]]:
    """Each statement and where it starts, without the blank and the comments before it."""
    start = after_blank(script)
    for found in TOKEN.finditer(script):
        end = found.end()
        # the semicolons of a trigger's body end no statement, which SQLite itself knows best
        if found[0] == ";" and end > start and sqlite3.complete_statement(script[start:end]):
            yield start, script[start:end]
            start = after_blank(script, end)
    if start < len(script):
        yield start, script[start:]
