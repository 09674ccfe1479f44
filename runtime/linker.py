"""Linker: kinds known, fields valid, references leading to entries of the right kind, no circle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from runtime.entry import Entry, EntryId
from runtime.field import Reference
from runtime.finding import Finding, ManifestError, Path, Problem
from runtime.graph import Graph
from runtime.handler_check import HandlerCheck
from runtime.interpolation import is_whole
from runtime.kind import Arguments, Claim, Kind
from runtime.manifest import Manifest
from runtime.registry import Registry, UnknownKind
from runtime.schema import Schema
from runtime.source import scalar
from runtime.suggestion import near

_LUA = {"function.lua": "function.python", "process.lua": "process.python"}


@dataclass(frozen=True, slots=True)
class Link:
    """One entry, linked: its kind, its schema, and the ids it refers to by path."""

    entry: Entry
    kind: Kind
    schema: Schema
    references: Mapping[Path, EntryId]


@dataclass(frozen=True, slots=True)
class Linkage:
    """A manifest without findings: every entry linked, and who needs whom."""

    manifest: Manifest
    links: Mapping[EntryId, Link]
    graph: Graph[EntryId]


def link(manifest: Manifest, registry: Registry) -> Linkage:
    """Check all entries together. Raises ManifestError with every finding of every file."""
    linking = _Linking(manifest, registry)
    linking.run()
    if linking.findings:
        raise ManifestError(linking.findings)
    return Linkage(manifest, linking.links, linking.graph)


class _Linking:
    def __init__(self, manifest: Manifest, registry: Registry) -> None:
        self.manifest = manifest
        self.entries = manifest.entries
        self.registry = registry
        self.findings = list(manifest.findings)
        self.links: dict[EntryId, Link] = {}
        self.graph: Graph[EntryId] = Graph({})
        self.claims: dict[tuple[EntryId, str], tuple[Entry, Path]] = {}
        self.handlers = HandlerCheck(manifest.folder, self.findings)

    def run(self) -> None:
        for entry in self.entries.values():
            self._link(entry)
        self.graph = Graph(
            {
                id: self.links[id].references.values() if id in self.links else ()
                for id in self.entries
            }
        )
        for cycle in self.graph.cycles():
            self._cycle(cycle)
        for link in self.links.values():
            if {"source", "method", "modules"} <= link.schema.field.properties.keys():
                self.handlers.check(link.entry)
        if not self.findings:
            for link in self.links.values():
                self._check(link)

    def _link(self, entry: Entry) -> None:
        try:
            kind = self.registry[entry.kind]
        except UnknownKind:
            self._unknown_kind(entry)
            return
        except Exception as error:  # a kind from outside may fail in any way when it is imported
            message = f"the kind '{entry.kind}' cannot be loaded: {type(error).__name__}: {error}"
            self._found(entry, Problem(("kind",), message))
            return
        schema = self.registry.schema(entry.kind)
        for path, text in entry.interpolated.items():
            if is_whole(text):
                _retype(entry.fields, path, schema)
        for problem in schema.problems(entry.fields, entry.interpolated):
            self._found(entry, problem)
        references = {}
        for reference in schema.field.references(entry.fields):
            if target := self._resolve(entry, reference):
                references[reference.path] = target.id
        self.links[entry.id] = Link(entry, kind, schema, references)

    def _unknown_kind(self, entry: Entry) -> None:
        meant = _LUA.get(entry.kind)
        hint = f"handlers are Python here: write {meant}" if meant else None
        hint = hint or near(entry.kind, self.registry.names) or "see 'runtime kinds'"
        shown = entry.written("kind") or entry.kind
        self._found(entry, Problem(("kind",), f"unknown kind '{shown}'", hint))

    def _resolve(self, entry: Entry, reference: Reference) -> Entry | None:
        id = EntryId.parse(reference.text, entry.id.namespace)
        target = self.entries.get(id)
        written = entry.written(*reference.path)
        if target is None:
            hint = None if written else self._near(id, reference.kinds)
            self._found(entry, Problem(reference.path, f"no entry '{written or id}'", hint))
            return None
        if not any(fnmatchcase(target.kind, pattern) for pattern in reference.kinds):
            wanted = " or ".join(reference.kinds)
            message = f"'{written or id}' is of kind {target.kind}, not {wanted}"
            self._found(entry, Problem(reference.path, message))
            return None
        return target

    def _near(self, id: EntryId, kinds: tuple[str, ...]) -> str | None:
        fitting = [
            str(other.id)
            for other in self.entries.values()
            if any(fnmatchcase(other.kind, pattern) for pattern in kinds)
        ]
        return near(str(id), fitting) or near(str(id), map(str, self.entries))

    def _cycle(self, cycle: list[EntryId]) -> None:
        entry, needed = self.entries[cycle[0]], cycle[1]
        path = next(path for path, id in self.links[cycle[0]].references.items() if id == needed)
        way = " → ".join(map(str, cycle))
        self._found(entry, Problem(path, f"a circle of references: {way}", "remove one of them"))

    def _check(self, link: Link) -> None:
        if link.kind.check is None:
            return
        for rule in link.kind.check(_View(self, link)):
            match rule:
                case Problem():
                    self._found(link.entry, rule)
                case Claim():
                    self._claim(link.entry, rule)
                case Arguments():
                    target = self.links[link.references[rule.path]].entry
                    self.handlers.arguments(link.entry, target, rule)

    def _claim(self, entry: Entry, claim: Claim) -> None:
        first = self.claims.setdefault((claim.owner, claim.what), (entry, claim.path))
        if first[0] is not entry:
            other, path = first
            where = f"'{other.id}' has it at {other.at(*path)}"
            message = f"{claim.what} is taken on '{claim.owner}'; {where}"
            self._found(entry, Problem(claim.path, message))

    def _found(self, entry: Entry, problem: Problem) -> None:
        at = entry.key_at if problem.at_key else entry.at
        self.findings.append(Finding(at(*problem.path), problem.message, problem.hint))


class _View:
    """An entry as its kind's `check` sees it."""

    def __init__(self, linking: _Linking, link: Link) -> None:
        self._linking = linking
        self._link = link
        self.id = link.entry.id
        self.fields: Mapping[str, Any] = link.schema.field.fill(
            link.entry.fields, lambda text: text
        )

    def follow(self, *path: str) -> _View | None:
        target = self._link.references.get(path)
        return _View(self._linking, self._linking.links[target]) if target else None


def _retype(fields: dict[str, Any], path: Path, schema: Schema) -> None:
    """Give a value that came whole from the environment the type of its field."""
    field = schema.field.at(path)
    if field is None or not field.types or "string" in field.types:
        return
    holder: Any = fields
    for step in path[:-1]:
        holder = holder[step]
    try:
        holder[path[-1]] = scalar(holder[path[-1]])
    except ValueError:
        return  # it stays text, and the schema says what was wanted
