"""Entry: one declared item of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from runtime.entry_id import EntryId
from runtime.findings.disclosure import OPEN, Disclosure
from runtime.findings.finding import Path as FieldPath
from runtime.findings.finding import Position
from runtime.manifest.document import Document
from runtime.manifest.origin import Origin


def value_at(container: Any, path: FieldPath) -> Any:
    """The value at `path` in nested mappings and lists. Raises LookupError if there is none."""
    for step in path:
        container = container[step]
    return container


class Entry(msgspec.Struct, eq=False):
    """An entry as declared: `fields` is the whole mapping, with `name`, `kind` and `meta`.

    Overrides are applied to `fields` and placeholders are resolved. To show a field to anybody,
    use `as_shown`, which never reveals a secret or the value of an override.
    """

    id: EntryId
    kind: str
    fields: dict[str, Any]
    document: Document
    path: FieldPath
    """Path of the entry in its document: `("entries", 3)`."""
    overrides: Mapping[FieldPath, Origin] = {}
    """The origins of fields that `-f` and `-o` changed, by their paths."""
    disclosure: Disclosure = OPEN
    """Which of the values may be printed, and what stands in place of others."""
    unfilled: frozenset[FieldPath] = frozenset()
    """Paths of the values whose placeholder could not be resolved, and stands there still."""
    implied: frozenset[FieldPath] = frozenset()
    """Paths of the references that were left out, and filled in as only one entry can be meant."""
    secrets: frozenset[str] = frozenset()
    """Values that came from `${secret:…}` and `${file:…}`."""

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
        if found := self.origin_of(path):
            origin, rest = found
            return origin.at(rest)
        return self.document.at(self.path + path)

    def key_at(self, *path: str | int) -> Position:
        """Position of the last key of `path`, or of the nearest enclosing one."""
        if found := self.origin_of(path):
            origin, rest = found
            return origin.key_at(rest)
        return self.document.key_at(self.path + path)

    def value(self, path: FieldPath) -> Any:
        """The value at `path`. Raises LookupError if there is none."""
        return value_at(self.fields, path)

    def as_shown(self, field: str, default: str = "") -> str:
        """Text of a top-level field for display."""
        hidden = self.disclosure.hidden_text((field,))
        return str(self.fields.get(field, default)) if hidden is None else hidden

    def override(self, changed: Mapping[FieldPath, Origin]) -> None:
        """Note the origins of fields that were set, in place of all below them."""
        kept = {
            path: origin
            for path, origin in self.overrides.items()
            if not any(path[:end] in changed for end in range(len(path) + 1))
        }
        self.overrides = {**kept, **changed}

    def origin_of(self, path: FieldPath) -> tuple[Origin, FieldPath] | None:
        """The override that set the value at `path`, and the path from there; None if none did."""
        if not self.overrides:
            return None
        for end in range(len(path), 0, -1):
            if origin := self.overrides.get(path[:end]):
                return origin, path[end:]
        if not path or self.document.has(self.path + path):
            return None
        # a mapping that an override created on the way to its field
        origins = (origin for long, origin in self.overrides.items() if path == long[: len(path)])
        created = next(origins, None)
        return None if created is None else (created, ())
