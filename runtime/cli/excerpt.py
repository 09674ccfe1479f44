"""Excerpt: findings for a reader, each with the line it stands in and a mark under the place."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from runtime.findings.finding import Finding
from runtime.manifest.document import MAX_BYTES

MAX_SHOWN = 50
"""How many findings are printed with their line; the rest are printed without."""


def print_findings(findings: Sequence[Finding], stream: TextIO = sys.stdout) -> None:
    """Print every finding, and last how many there are."""
    colour = stream.isatty() and "NO_COLOR" not in os.environ
    for number, finding in enumerate(findings):
        print(_coloured(finding) if colour else str(finding), file=stream)
        excerpt = _excerpt(finding) if number < MAX_SHOWN else None
        if excerpt:
            line, mark = excerpt
            print(line, file=stream)
            print(f"\033[31m{mark}\033[0m" if colour else mark, file=stream)
    count = len(findings)
    print(f"\n{count} {'finding' if count == 1 else 'findings'}", file=stream)


def _coloured(finding: Finding) -> str:
    tail = f"\033[36m; {finding.hint}\033[0m" if finding.hint else ""
    return f"\033[1m{finding.position}:\033[0m {finding.message}{tail}"


def _excerpt(finding: Finding) -> tuple[str, str] | None:
    place = finding.position
    lines = _lines(place.file) if place.line else ()
    if not 0 < place.line <= len(lines):
        return None
    text = lines[place.line - 1]
    if not text.strip() or len(text) > 200:
        return None
    printable = "".join(char if char.isprintable() else " " for char in text)
    start = min(place.column - 1, len(text))
    width = _width(printable[:start], printable[start:], place.file.endswith(".py"))
    return f"{place.line:5} | {printable}", f"      | {' ' * start}{'^' * width}"


def _width(before: str, rest: str, is_python: bool) -> int:
    """How long the name, key or value is that begins at `rest`, in a line that begins `before`."""
    if is_python:
        return _matched(_NAME, rest)
    if rest[:1] in ("{", "["):
        return _bracket(rest)
    flow = sum(_DEPTH.get(part, 0) for part in _PARTS.findall(before)) > 0
    return _matched(_IN_BRACKETS if flow else _ON_A_LINE, rest)


_NAME = re.compile(r"\w+")
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
_IN_BRACKETS = re.compile(rf"{_QUOTED}|(?:(?!: |:$|\s*[,\[\]{{}}]|\s+#|\s*$).)+")
_ON_A_LINE = re.compile(rf"{_QUOTED}|(?:(?!: |:$|,?\s*$|\s+#).)+")
_PARTS = re.compile(rf"{_QUOTED}|.")
_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}


def _matched(pattern: re.Pattern[str], rest: str) -> int:
    match = pattern.match(rest)
    return match.end() if match else 1


def _bracket(rest: str) -> int:
    """To the bracket that closes the first one, or to the end of the line."""
    depth = 0
    for part in _PARTS.finditer(rest):
        depth += _DEPTH.get(part[0], 0)
        if not depth:
            return part.end()
    return len(rest.rstrip())


@cache
def _lines(file: str) -> Sequence[str]:
    """The lines of a file, if it is one: a link may lead to a pipe, or to another's secrets."""
    path = Path(file)
    try:
        if path.is_symlink() or not path.is_file():
            return ()
        with path.open("rb") as source:
            text = source.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ()
    return text.splitlines()
