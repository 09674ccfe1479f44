"""Link: an entry with its kind and the entries that it refers to, also as its kind sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from runtime.entry_id import EntryId
from runtime.findings.finding import Path
from runtime.kind import Kind
from runtime.manifest.entry import Entry
from runtime.schema.field import Field
from runtime.schema.schema import Schema
from runtime.service import Stage


class Link(msgspec.Struct, frozen=True):
    """One entry, linked: its kind, its schema, and the ids of its references by path."""

    entry: Entry
    kind: Kind
    schema: Schema
    references: Mapping[Path, EntryId]
    uses: Mapping[EntryId, str] = {}
    """The entries that its handler needs by its code, each with the call that names it."""

    inline: Mapping[Path, Link] = {}
    """The functions that its fields hold in place of naming an entry, each linked as one."""

    @property
    def stage(self) -> Stage | None:
        """When its component starts; None for one that does not run."""
        field = self.kind.runs_with
        return self.kind.stage if field is None or self.entry.fields.get(field) else None

    @property
    def handlers(self) -> Iterator[Link]:
        """Itself if it names a Python function, and the functions that it holds."""
        if has_handler(self.schema.field):
            yield self
        yield from self.inline.values()

    @property
    def targets(self) -> Iterator[EntryId]:
        """Every entry that it names, in its fields or in its code."""
        yield from self.references.values()
        yield from self.uses


def has_handler(field: Field) -> bool:
    """True for the schema of a kind whose `source` is the shared one, which names Python."""
    source = field.properties.get("source")
    return source is not None and source.schema.get("x-handler") == "python"


class LinkedEntry:
    """An entry as its kind sees it before anything is built: see `runtime.kind.Linked`."""

    def __init__(self, links: Mapping[EntryId, Link], link: Link) -> None:
        self._links = links
        self._link = link
        self.id = link.entry.id
        self.kind = link.kind
        self.fields: Mapping[str, Any] = _Fields(link)

    def is_literal(self, *path: str | int) -> bool:
        return self._link.entry.disclosure.is_literal(path)

    def follow(self, *path: str) -> LinkedEntry | None:
        target = self._link.references.get(path)
        if target is None or target not in self._links:
            return None
        return LinkedEntry(self._links, self._links[target])


class _Fields(Mapping[str, Any]):
    """The fields of an entry with defaults, each filled when asked for, since few are."""

    def __init__(self, link: Link) -> None:
        self._entry = link.entry.fields
        self._field = link.schema.field

    def __getitem__(self, name: str) -> Any:
        return self._field.fill_one(self._entry, name, _unresolved)

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._field.properties), **self._entry})

    def __len__(self) -> int:
        return len(self._field.properties.keys() | self._entry.keys())


def _unresolved(id: str) -> str:
    return id
