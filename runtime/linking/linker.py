"""Linker: checks kinds, fields and references, and makes a graph of the entries."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, ManifestError, Path, Problem
from runtime.findings.suggestion import did_you_mean
from runtime.linking.graph import Graph
from runtime.linking.handler_check import HandlerCheck, has_handler
from runtime.linking.kind_check import KindCheck
from runtime.linking.link import Link
from runtime.manifest.entry import Entry, value_at
from runtime.manifest.interpolation import is_placeholder
from runtime.manifest.reader import Manifest
from runtime.manifest.scalar import scalar
from runtime.registry import BrokenKind, Registry, UnknownKind, is_built_in
from runtime.schema.field import Reference
from runtime.schema.schema import Schema

MAX_FINDINGS = 1000
"""Checking stops at this number: nobody reads more, and a hostile manifest could have millions."""

_LUA = {"function.lua": "function.python", "process.lua": "process.python"}
_CYCLE_SHOWN = 12
_COMPARISONS = 50_000
"""The number of names compared in search of suggestions, over all findings: each takes 1 µs."""


class LinkedManifest(msgspec.Struct, frozen=True):
    """A manifest without findings: its entries, linked, and the graph of their references."""

    manifest: Manifest
    links: Mapping[EntryId, Link]
    graph: Graph[EntryId]


def link(manifest: Manifest, registry: Registry) -> LinkedManifest:
    """Check all entries together. Raises ManifestError with every finding of every file."""
    linker = _Linker(manifest, registry)
    linker.run()
    if linker.findings:
        raise ManifestError(linker.findings)
    return LinkedManifest(manifest, linker.links, linker.graph)


class _Linker:
    def __init__(self, manifest: Manifest, registry: Registry) -> None:
        self.manifest = manifest
        self.entries = manifest.entries
        self.registry = registry
        self.findings = list(manifest.findings)
        self.links: dict[EntryId, Link] = {}
        self.faulty: set[EntryId] = set()
        self.graph: Graph[EntryId] = Graph({})
        self.comparisons = _COMPARISONS

    def run(self) -> None:
        if any(not is_built_in(entry.kind) for entry in self.entries.values()):
            self.registry.use_installed_options()
        for entry in self.entries.values():
            self._link(entry)
            if len(self.findings) >= MAX_FINDINGS:
                end = f"checking stops here, after {len(self.findings):,} findings"
                self.findings.append(Finding(entry.position, end))
                return
        self.graph = Graph(
            {
                id: self.links[id].references.values() if id in self.links else ()
                for id in self.entries
            }
        )
        for cycle in self.graph.cycles():
            self._cycle(cycle)
        self._check()

    def _link(self, entry: Entry) -> None:
        try:
            kind = self.registry[entry.kind]
            schema = self.registry.schema(entry.kind)
        except UnknownKind:
            self._unknown_kind(entry)
            return
        except BrokenKind as error:
            self._report(entry, Problem(("kind",), str(error)))
            return
        problems = _problems(entry, schema)
        if problems and self.registry.use_installed_options():
            schema = self.registry.schema(entry.kind)
            problems = _problems(entry, schema)
        unfilled = {path for path, text in entry.placeholders.items() if entry.value(path) == text}
        for problem in problems:
            if problem.path not in unfilled:  # the unset variable is reported already
                self._report(entry, problem)
        reported = {problem.path for problem in problems} | unfilled
        references = {}
        for reference in schema.field.references(entry.fields):
            if reference.path not in reported and (target := self._resolve(entry, reference)):
                references[reference.path] = target.id
        self.links[entry.id] = Link(entry, kind, schema, references)

    def _unknown_kind(self, entry: Entry) -> None:
        placeholder = entry.placeholder("kind")
        meant = _LUA.get(entry.kind)
        hint = f"handlers are Python here: write {meant}" if meant else None
        if hint is None and placeholder is None:
            hint = did_you_mean(entry.kind, self.registry.names)
        message = f"unknown kind '{entry.as_written('kind')}'"
        self._report(entry, Problem(("kind",), message, hint or "see 'runtime kinds'"))

    def _resolve(self, entry: Entry, reference: Reference) -> Entry | None:
        id = EntryId.parse(reference.text, entry.id.namespace)
        target = self.entries.get(id)
        written = entry.placeholder(*reference.path)
        if target is None:
            self.faulty.add(entry.id)
            if self.manifest.complete:  # else it may be in a file that could not be read
                hint = None if written else self._near(id, reference.kinds)
                self._report(entry, Problem(reference.path, f"no entry '{written or id}'", hint))
            return None
        if not _fits(target, reference.kinds):
            if target.kind not in self.registry:
                return None  # reported at the target; its intended kind may fit
            kind = target.as_written("kind")
            message = f"'{written or id}' is of kind {kind}, not {' or '.join(reference.kinds)}"
            self._report(entry, Problem(reference.path, message, self._only(reference.kinds)))
            return None
        return target

    def _near(self, id: EntryId, kinds: tuple[str, ...]) -> str | None:
        if self.comparisons <= 0:
            return None
        self.comparisons -= len(self.entries)
        fitting = [str(other.id) for other in self.entries.values() if _fits(other, kinds)]
        elsewhere = [name for name in fitting if name.endswith(f":{id.name}")]
        if len(elsewhere) == 1:
            return f"did you mean '{elsewhere[0]}'?"
        return (
            did_you_mean(str(id), fitting)
            or did_you_mean(str(id), map(str, self.entries))
            or self._only(kinds)
        )

    def _only(self, kinds: tuple[str, ...]) -> str | None:
        """A hint that names the only entry of a kind that fits, if there is just one."""
        if self.comparisons <= 0 or kinds == ("*",):
            return None
        self.comparisons -= len(self.entries)
        fitting = [other.id for other in self.entries.values() if _fits(other, kinds)]
        return f"there is '{fitting[0]}'" if len(fitting) == 1 else None

    def _cycle(self, cycle: list[EntryId]) -> None:
        first, needed = cycle[:2]
        path = next(path for path, id in self.links[first].references.items() if id == needed)
        shown = [*map(str, cycle)]
        if len(shown) > _CYCLE_SHOWN:
            shown[_CYCLE_SHOWN // 2 : -_CYCLE_SHOWN // 2] = ["…"]
        problem = Problem(path, f"a circular reference: {' → '.join(shown)}", "remove one of them")
        self._report(self.entries[first], problem)
        self.faulty.update(cycle)

    def _check(self) -> None:
        """Check the files of the handlers, then have the kinds check their entries."""
        handlers = HandlerCheck(self.manifest.folder, self.findings)
        for id, link in self.links.items():
            if has_handler(link.schema.field) and not handlers.check(link.entry):
                self.faulty.add(id)
        faulty = frozenset(self.faulty)
        check = KindCheck(self.links, faulty, handlers, self._report)
        for id, link in self.links.items():
            if link.kind.check is not None and id not in faulty:
                check(link)

    def _report(self, entry: Entry, problem: Problem) -> None:
        at = entry.key_at if problem.at_key else entry.at
        self.findings.append(Finding(at(*problem.path), problem.message, problem.hint))
        self.faulty.add(entry.id)


def _fits(entry: Entry, kinds: tuple[str, ...]) -> bool:
    return _matches(entry.kind, kinds)


@lru_cache(maxsize=4096)  # a manifest of thousands of entries asks the same few questions
def _matches(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def _problems(entry: Entry, schema: Schema) -> list[Problem]:
    for path, text in entry.placeholders.items():
        if is_placeholder(text):
            _retype(entry.fields, path, schema)
    return schema.problems(entry.fields, entry.placeholders)


def _retype(fields: dict[str, Any], path: Path, schema: Schema) -> None:
    """Convert a value that is all placeholder, and so text, to the type of its field."""
    field = schema.field.at(path)
    if field is None or "string" in field.types:
        return
    holder = value_at(fields, path[:-1])
    choices = field.schema.get("enum")
    if not field.types and (choices is None or holder[path[-1]] in choices):
        return  # any type is allowed, text too
    try:
        holder[path[-1]] = scalar(holder[path[-1]])
    except ValueError:
        return  # it stays text, and fails validation with what was expected
