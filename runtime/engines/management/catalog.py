"""Catalog: the entries of an application as its manifests declare them, and their references.

Made from the linked manifest by who knows it, and without any value that may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Reference(Struct, frozen=True):
    """One entry names another one."""

    source: str
    target: str
    by: str
    """The field, `meta.router`; or the call in the code of its handler, `queue.publish`."""
    in_code: bool = False


class EntryRecord(Struct, frozen=True):
    """One entry."""

    id: str
    kind: str
    where: str
    """`src/_index.yaml:111`."""
    text: str
    """The lines of the manifest that declare it."""
    first_line: int = 1
    facts: Mapping[str, str] = {}
    """Its scalar fields as they run, defaults included: `concurrency`, `path`, `addr`."""
    changed_by: tuple[str, ...] = ()
    """Overlays and options of the command line that changed fields of it: `-o`."""
    handler: str | None = None
    """Its own function, or the one that it calls: `process_task.py#main`."""
    runs: bool = False
    """True if its component is a service."""

    @property
    def namespace(self) -> str:
        return self.id.partition(":")[0]

    @property
    def name(self) -> str:
        return self.id.partition(":")[2]


class Catalog(Struct, frozen=True):
    """All entries by id, in the order of their declaration."""

    folder: str = ""
    """The application's folder, as one would write it in a shell."""
    entries: Mapping[str, EntryRecord] = {}
    references: tuple[Reference, ...] = ()

    def needs(self, id: str) -> list[Reference]:
        """The references from an entry."""
        return [each for each in self.references if each.source == id]

    def needed_by(self, id: str) -> list[Reference]:
        """The references to an entry."""
        return [each for each in self.references if each.target == id]

    def target(self, id: str, by: str) -> str | None:
        """The entry that the field `by` of an entry names."""
        found = (each.target for each in self.references if each.source == id and each.by == by)
        return next(found, None)
