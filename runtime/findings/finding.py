"""Finding: one thing that is wrong with a manifest, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

Path = tuple[str | int, ...]
"""The way from an entry to a value in it: names of fields and positions in lists."""


def printable(text: str) -> str:
    """One line that a terminal shows as it is: what a manifest says could hold anything."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class Position(NamedTuple):
    """A place in a file; `line` and `column` count from one.

    A place outside of any file, such as an override on the command line, has line 0 and prints
    as its name alone.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Finding(msgspec.Struct, frozen=True):
    """One fault: lower case, no full stop, what was found before what was wanted."""

    position: Position
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        tail = f"; {self.hint}" if self.hint else ""
        return printable(f"{self.position}: {self.message}{tail}")


class Problem(msgspec.Struct, frozen=True):
    """A fault in an entry before its place is known: the path, the sentence, the mend."""

    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False
    """Whether the place meant is that of the key, not of the value."""


class ManifestError(Exception):
    """A manifest has findings: all of them, sorted by place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        unique = {str(finding): finding for finding in findings}
        self.findings: Sequence[Finding] = sorted(
            unique.values(), key=lambda finding: (finding.position, finding.message)
        )
        super().__init__("\n".join(map(str, self.findings)))
