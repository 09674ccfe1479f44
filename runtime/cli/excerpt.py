"""Excerpt: findings printed with the source line, and a mark below the key or value."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from runtime.findings.finding import Finding, Level, Position, printable
from runtime.manifest.document import MAX_BYTES
from runtime.manifest.yaml12 import lines

MAX_SHOWN = 50
"""Most findings printed with their source line; the rest are printed without."""


def print_findings(findings: Sequence[Finding], stream: TextIO = sys.stdout) -> None:
    """Print every finding, then their number, that of the notes apart."""
    _lines.cache_clear()  # they may have been edited since the last time
    colour = stream.isatty() and "NO_COLOR" not in os.environ
    for number, finding in enumerate(findings):
        print(_coloured(finding) if colour else str(finding), file=stream)
        excerpt = _excerpt(finding) if number < MAX_SHOWN else None
        if excerpt:
            line, mark = excerpt
            print(line, file=stream)
            print(f"\033[31m{mark}\033[0m" if colour else mark, file=stream)
    notes = sum(finding.level is Level.NOTE for finding in findings)
    counts = [_count(len(findings) - notes, "finding"), _count(notes, "note")]
    print(f"\n{', '.join(filter(None, counts))}", file=stream)


def print_excerpt(text: str, stream: TextIO = sys.stdout) -> None:
    """Print the source line of an error whose text begins with `file:line:`, if there is one."""
    _lines.cache_clear()
    place = _PLACE.match(text)
    if place is None:
        return
    source = _lines(place[1])
    number = int(place[2])
    line = source[number - 1] if 0 < number <= len(source) else ""
    column = len(line) - len(line.lstrip()) + 1
    if excerpt := _excerpt(Finding(Position(place[1], number, column), "")):
        print(*excerpt, sep="\n", file=stream)


_PLACE = re.compile(r"(.+?):(\d+):")


def _count(number: int, noun: str) -> str:
    """`1 note`, `2 notes`, or an empty text for 0."""
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""


def _coloured(finding: Finding) -> str:
    level = "\033[33mnote:\033[0m " if finding.level is Level.NOTE else ""
    tail = f"\033[36m; {printable(finding.hint)}\033[0m" if finding.hint else ""
    place = printable(str(finding.position))
    return f"\033[1m{place}:\033[0m {level}{printable(finding.message)}{tail}"


def _excerpt(finding: Finding) -> tuple[str, str] | None:
    """The source line and the line with the mark; None if there is no such line to show."""
    position = finding.position
    lines = _lines(position.file) if position.line else ()
    if not 0 < position.line <= len(lines):
        return None
    text = lines[position.line - 1]
    if not text.strip() or len(text) > 200:
        return None
    printable = "".join(char if char.isprintable() else " " for char in text)
    start = min(position.column - 1, len(text))
    width = width_of(printable[:start], printable[start:], position.file.endswith(".py"))
    return f"{position.line:5} | {printable}", f"      | {' ' * start}{'^' * width}"


def width_of(before: str, rest: str, is_python: bool) -> int:
    """Length of the name, key or value at the start of `rest`; `before` is the line up to it."""
    if is_python:
        return _match_length(_NAME, rest)
    if rest[:1] in ("{", "["):
        return _bracket(rest)
    flow = sum(_DEPTH.get(part, 0) for part in _PARTS.findall(before)) > 0
    return _match_length(_IN_BRACKETS if flow else _ON_A_LINE, rest)


_NAME = re.compile(r"\w+")
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
_IN_BRACKETS = re.compile(rf"{_QUOTED}|(?:(?!: |:$|\s*[,\[\]{{}}]|\s+#|\s*$).)+")
_ON_A_LINE = re.compile(rf"{_QUOTED}|(?:(?!: |:$|,?\s*$|\s+#).)+")
_PARTS = re.compile(rf"{_QUOTED}|.")
_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}


def _match_length(pattern: re.Pattern[str], rest: str) -> int:
    match = pattern.match(rest)
    return match.end() if match else 1


def _bracket(rest: str) -> int:
    """Length up to the bracket that closes the first one, or to the end of the line."""
    depth = 0
    for part in _PARTS.finditer(rest):
        depth += _DEPTH.get(part[0], 0)
        if not depth:
            return part.end()
    return len(rest.rstrip())


@cache
def _lines(file: str) -> Sequence[str]:
    """The lines of a regular file; nothing for a link, which may lead to a pipe or to secrets."""
    path = Path(file)
    try:
        if path.is_symlink() or not path.is_file():
            return ()
        with path.open("rb") as source:
            text = source.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ()
    return lines(text)
