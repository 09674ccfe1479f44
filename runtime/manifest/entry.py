"""Entry: one declared item of a manifest, and its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.entry_id import EntryId
from runtime.findings.finding import Path as FieldPath
from runtime.findings.finding import Position
from runtime.manifest.document import Document


def value_at(holder: Any, path: FieldPath) -> Any:
    """What stands at `path` in mappings and lists."""
    for step in path:
        holder = holder[step]
    return holder


@dataclass(slots=True)
class Entry:
    """What was declared: `fields` is the whole mapping, `name`, `kind` and `meta` included.

    `fields` has `${env:…}` resolved and overrides applied; what was typed is in `document`, and
    only that may be shown to anybody.
    """

    id: EntryId
    kind: str
    fields: dict[str, Any]
    document: Document
    path: FieldPath
    overrides: Mapping[FieldPath, Position] = field(default_factory=dict)
    interpolated: Mapping[FieldPath, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of the manifest that declares this entry."""
        return Path(self.document.path).parent

    @property
    def position(self) -> Position:
        return self.document.at(self.path)

    def at(self, *path: str | int) -> Position:
        """Where the value at `path` stands, or the nearest place around it."""
        return self._overridden(path) or self.document.at(self.path + path)

    def key_at(self, *path: str | int) -> Position:
        """Where the key that ends `path` stands, or the nearest place around it."""
        return self._overridden(path) or self.document.key_at(self.path + path)

    def value(self, path: FieldPath) -> Any:
        """The value at `path`, which is there."""
        return value_at(self.fields, path)

    def written(self, *path: str | int) -> str | None:
        """What was typed at `path` if it held a `${env:…}`: shown instead of the secret."""
        return self.interpolated.get(path)

    def _overridden(self, path: FieldPath) -> Position | None:
        if not self.overrides:
            return None
        for end in range(len(path), 0, -1):
            if path[:end] in self.overrides:
                return self.overrides[path[:end]]
        # what an override made on its way, such as the mapping around its field
        made = (at for long, at in self.overrides.items() if path == long[: len(path)])
        return next(made, None) if path and not self.document.has(self.path + path) else None
