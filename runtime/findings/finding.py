"""Finding: a problem of a manifest, with its position in a file and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

Path = tuple[str | int, ...]
"""Path from an entry to a value inside it: names of fields, and indexes of lists from zero."""


def printable(text: str) -> str:
    """Escape line breaks and control characters, so that a terminal shows one harmless line."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class Position(NamedTuple):
    """A position in a file; `line` and `column` count from one. Prints as `file:line:column`.

    Line 0 stands for something that is not in a file, such as an override on the command line: it
    prints as its name alone.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Level(StrEnum):
    """The weight of a finding."""

    ERROR = "error"
    """The manifest cannot be run."""
    NOTE = "note"
    """No mistake, and yet likely meant otherwise. Changes neither exit code nor start."""


class Mend(msgspec.Struct, frozen=True):
    """The list that would stand in a file where there was no finding."""

    file: str
    """Absolute path of the file."""
    path: Path
    """Path of the list in the file."""
    items: tuple[str, ...]
    what: str
    """The list as messages name it."""


class Finding(msgspec.Struct, frozen=True):
    """A problem at a position. Prints as `file:line:column: message; hint`, a note as
    `file:line:column: note: message; hint`.

    Messages are in lower case without a full stop, and say what was found before what was expected.
    """

    position: Position
    message: str
    hint: str | None = None
    level: Level = Level.ERROR
    mend: Mend | None = None
    """The change that `runtime validate --fix` can make, for there is only one."""

    def __str__(self) -> str:
        tail = f"; {self.hint}" if self.hint else ""
        level = "note: " if self.level is Level.NOTE else ""
        place = f"{self.position}: " if self.position.file else ""
        return printable(f"{place}{level}{self.message}{tail}")


class Problem(msgspec.Struct, frozen=True):
    """A problem at a path inside an entry, whose position in a file is not yet known."""

    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False
    """True if it concerns the key at `path` rather than the value."""


class Note(Problem, frozen=True):
    """Something at a path inside an entry that is no mistake, and yet likely meant otherwise."""


def in_order(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Every finding once, sorted by position, the notes after all others."""
    unique = {str(finding): finding for finding in findings}
    return sorted(
        unique.values(),
        key=lambda finding: (finding.level is Level.NOTE, finding.position, finding.message),
    )


class ManifestError(Exception):
    """A manifest is invalid: `findings` holds every finding once, sorted by position, with the
    notes at its end.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: Sequence[Finding] = in_order(findings)
        super().__init__("\n".join(map(str, self.findings)))
