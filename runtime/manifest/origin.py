"""Origin: where a field came from that its manifest does not say, or says otherwise."""

from __future__ import annotations

from typing import Protocol

import msgspec

from runtime.findings.finding import Path, Position
from runtime.manifest.document import Document


class Origin(Protocol):
    """The place that set a field. Paths start at the value of that field."""

    @property
    def is_secret(self) -> bool:
        """True if the value must not be printed."""
        ...

    def at(self, path: Path) -> Position:
        """Position of the value at `path`, or of the nearest enclosing value."""
        ...

    def key_at(self, path: Path) -> Position:
        """Position of the last key of `path`, or of the nearest enclosing one."""
        ...


class CommandLine(msgspec.Struct, frozen=True):
    """An option of the command line, which is one place and may hold a secret."""

    position: Position
    is_secret: bool = True

    def at(self, path: Path) -> Position:
        return self.position

    key_at = at


class InDocument(msgspec.Struct, frozen=True):
    """A value in another file."""

    document: Document
    path: Path
    is_secret: bool = False

    def at(self, path: Path) -> Position:
        return self.document.at(self.path + path)

    def key_at(self, path: Path) -> Position:
        return self.document.key_at(self.path + path)
