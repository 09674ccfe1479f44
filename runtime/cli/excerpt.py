"""Excerpt: findings for a reader, each with the line it stands in and a mark under the place."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from runtime.finding import Finding
from runtime.source import MAX_BYTES

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
    width = _width(printable[start:])
    return f"{place.line:5} | {printable}", f"      | {' ' * start}{'^' * width}"


def _width(rest: str) -> int:
    """How long the key or value is that begins here."""
    if rest[:1] in ("'", '"') and (end := rest.find(rest[0], 1)) > 0:
        return end + 1
    word = rest.split(" #")[0].split(": ")[0].rstrip().rstrip(":")
    return max(len(word), 1)


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
