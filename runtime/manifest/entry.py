"""Entry: one declared item of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.entry_id import EntryId
from runtime.findings.finding import Path as FieldPath
from runtime.findings.finding import Position
from runtime.manifest.document import Document


def value_at(container: Any, path: FieldPath) -> Any:
    """The value at `path` in nested mappings and lists. Raises LookupError if there is none."""
    for step in path:
        container = container[step]
    return container


@dataclass(slots=True)
class Entry:
    """An entry as declared: `fields` is the whole mapping, with `name`, `kind` and `meta`.

    Overrides are applied to `fields` and placeholders are resolved. To show a field to anybody,
    use `as_written`, which never reveals a value from the environment.
    """

    id: EntryId
    kind: str
    fields: dict[str, Any]
    document: Document
    path: FieldPath
    """Path of the entry in its document: `("entries", 3)`."""
    overrides: Mapping[FieldPath, Position] = field(default_factory=dict)
    """Position of each override on the command line, by the path of the field it changed."""
    placeholders: Mapping[FieldPath, str] = field(default_factory=dict)
    """Original text of each field that contained a `${env:…}`."""
    secrets: frozenset[str] = frozenset()
    """Values that came from environment variables."""

    @property
    def folder(self) -> Path:
        """The folder of the manifest that declares this entry."""
        return Path(self.document.path).parent

    @property
    def position(self) -> Position:
        """Position of the whole entry."""
        return self.document.at(self.path)

    def at(self, *path: str | int) -> Position:
        """Position of the value at `path`, or of the nearest enclosing value."""
        return self._override_at(path) or self.document.at(self.path + path)

    def key_at(self, *path: str | int) -> Position:
        """Position of the last key of `path`, or of the nearest enclosing one."""
        return self._override_at(path) or self.document.key_at(self.path + path)

    def value(self, path: FieldPath) -> Any:
        """The value at `path`. Raises LookupError if there is none."""
        return value_at(self.fields, path)

    def placeholder(self, *path: str | int) -> str | None:
        """Original text at `path` if it contained a `${env:…}`: print this, not the value."""
        return self.placeholders.get(path)

    def as_written(self, field: str, default: str = "") -> str:
        """Text of a top-level field for display, placeholders left unresolved."""
        return self.placeholders.get((field,)) or str(self.fields.get(field, default))

    def _override_at(self, path: FieldPath) -> Position | None:
        if not self.overrides:
            return None
        for end in range(len(path), 0, -1):
            if path[:end] in self.overrides:
                return self.overrides[path[:end]]
        if not path or self.document.has(self.path + path):
            return None
        # a mapping that an override created on the way to its field
        positions = (at for long, at in self.overrides.items() if path == long[: len(path)])
        return next(positions, None)
