"""Script: a text with several statements, split into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from runtime.engines.sql.postgres.placeholder import tokens
from runtime.engines.sql.postgres.statement import after_blank, check_text, parse


class ScriptStatement(msgspec.Struct, frozen=True):
    """One statement, and its place in the script."""

    text: str
    place: str


def split(script: str) -> Sequence[ScriptStatement]:
    """The statements of a script. Raises ValueError for one that has none, or one that has no place
    in a transaction."""
    check_text(script, "the script")
    statements = []
    line, counted = 1, 0
    for number, (start, text) in enumerate(_texts(script), 1):
        line += script.count("\n", counted, start)
        counted = start
        place = f"statement {number} (line {line})"
        if reason := parse(text).refused_inside:
            raise ValueError(f"{place}: {reason}")
        statements.append(ScriptStatement(text, place))
    if not statements:
        raise ValueError("the script is empty")
    return statements


def _texts(script: str) -> Iterator[tuple[int, str]]:
    """Each statement and where it starts, without the blank and the comments before it."""
    start = after_blank(script)
    depth = 0
    """Of BEGIN ATOMIC and CASE in the body of a function, whose semicolons end no statement."""
    before = ""
    for found in tokens(script):
        word = (found["word"] or "").upper()
        if word == "ATOMIC" and before == "BEGIN":
            depth = 1
        elif depth and word in ("CASE", "END"):
            depth += 1 if word == "CASE" else -1
        before = word
        if found["mark"] == ";" and depth == 0 and found.end() > start:
            yield start, script[start : found.start()]
            start = after_blank(script, found.end())
    if start < len(script):
        yield start, script[start:]
