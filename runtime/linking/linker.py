"""Linker: checks kinds, fields and references, and makes a graph of the entries."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from runtime.entry_id import EntryId
from runtime.findings.finding import (
    Finding,
    Level,
    ManifestError,
    Note,
    Path,
    Problem,
    in_order,
)
from runtime.findings.suggestion import did_you_mean
from runtime.linking.candidates import Candidates, fits
from runtime.linking.capability_check import missing_capability
from runtime.linking.code.file import Use
from runtime.linking.code_check import KINDS, CodeCheck
from runtime.linking.graph import Graph
from runtime.linking.handler_check import HandlerCheck
from runtime.linking.inline_function import inline_function
from runtime.linking.kind_check import KindCheck
from runtime.linking.link import Link
from runtime.linking.notes import find_notes
from runtime.linking.placeholder_types import problems_of, whole_placeholders
from runtime.linking.preparation import find_waits
from runtime.linking.requirement_check import check_requirements
from runtime.linking.start_cycles import start_cycles
from runtime.linking.subscriptions import Subscriptions
from runtime.manifest.entry import Entry
from runtime.manifest.reader import Manifest
from runtime.registry import BrokenKind, Registry, UnknownKind, is_built_in
from runtime.schema.field import Reference

MAX_FINDINGS = 1000
"""Checking stops at this number: nobody reads more, and a hostile manifest could have millions."""

_LUA = {"function.lua": "function.python", "process.lua": "process.python"}
_CYCLE_SHOWN = 12


class LinkedManifest(msgspec.Struct, frozen=True):
    """A manifest without findings: its entries, linked, and the graph of their references."""

    manifest: Manifest
    links: Mapping[EntryId, Link]
    graph: Graph[EntryId]
    notes: Sequence[Finding] = ()
    """Notes on what is likely meant otherwise, sorted by position."""


def link(manifest: Manifest, registry: Registry) -> LinkedManifest:
    """Check all entries together. Raises ManifestError with every finding of every file."""
    linker = _Linker(manifest, registry)
    linker.run()
    if linker.findings:
        raise ManifestError(linker.findings + linker.notes)
    notes = linker.notes
    if not any(entry.unfilled for entry in manifest.entries.values()):
        notes += find_notes(linker.links, linker.graph)
    return LinkedManifest(manifest, linker.links, linker.graph, in_order(notes))


class _Linker:
    def __init__(self, manifest: Manifest, registry: Registry) -> None:
        self.manifest = manifest
        self.entries = manifest.entries
        self.registry = registry
        self.findings = list(manifest.findings)
        self.notes = list(manifest.notes)
        self.links: dict[EntryId, Link] = {}
        self.faulty: set[EntryId] = set()
        self.graph: Graph[EntryId] = Graph({})
        self.candidates = Candidates(manifest, registry)

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
        handlers = HandlerCheck(self.manifest.folder, self.findings, self.notes)
        self._check_handlers(handlers)
        for entry, problem in start_cycles(self.links):
            self._report(entry, problem)
        if not self.findings:
            uses = {id: link.uses for id, link in self.links.items() if link.uses}
            self.graph = self.graph.extend(uses) if uses else self.graph
            if waits := find_waits(self.links):
                self.graph = self.graph.extend(waits)
        self._check_kinds(handlers)
        if not self.findings:
            for entry, problem in check_requirements(self.links, self.graph):
                self._report(entry, problem)

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
        omitted = [*self.candidates.fill_in(entry, schema.field)]
        whole = whole_placeholders(entry)
        problems = problems_of(entry, schema, whole)
        if problems and self.registry.use_installed_options():
            schema = self.registry.schema(entry.kind)
            problems = problems_of(entry, schema, whole)
        problems += filter(None, omitted)
        for problem in problems:
            if problem.path not in entry.unfilled:  # the unset variable is reported already
                self._report(entry, problem)
        reported = {problem.path for problem in problems} | entry.unfilled
        if entry.unfilled or omitted:
            self.faulty.add(entry.id)  # so that its kind is not asked about a placeholder
        references: dict[Path, EntryId] = {}
        inline: dict[Path, Link] = {}
        for reference in schema.field.references(entry.fields):
            if reference.path in reported:
                continue
            if of := reference.inline:
                function = inline_function(entry, reference)
                inline[reference.path] = Link(
                    function, self.registry[of], self.registry.schema(of), {}
                )
            elif target := self._resolve(entry, reference):
                references[reference.path] = target.id
        self.links[entry.id] = Link(entry, kind, schema, references, inline=inline)

    def _unknown_kind(self, entry: Entry) -> None:
        self.faulty.add(entry.id)
        if ("kind",) in entry.unfilled:
            return
        hidden = entry.disclosure.hidden_text(("kind",))
        meant = _LUA.get(entry.kind)
        hint = f"handlers are Python here: write {meant}" if meant else None
        if hint is None and ("kind",) not in entry.disclosure.hidden:
            hint = did_you_mean(entry.kind, self.registry.names)
        message = f"unknown kind '{hidden or entry.kind}'"
        self._report(entry, Problem(("kind",), message, hint or "see 'runtime kinds'"))

    def _resolve(self, entry: Entry, reference: Reference) -> Entry | None:
        id = EntryId.parse(reference.text, entry.id.namespace)
        target = self.entries.get(id)
        hidden = entry.disclosure.hidden_text(reference.path)
        if target is None:
            self.faulty.add(entry.id)
            if self.manifest.complete:  # else it may be in a file that could not be read
                is_secret = reference.path in entry.disclosure.hidden
                hint = None if is_secret else self._meant(entry, reference, id)
                self._report(entry, Problem(reference.path, f"no entry '{hidden or id}'", hint))
            return None
        if not fits(target, reference.kinds):
            if ("kind",) in target.unfilled:
                return target
            if target.kind not in self.registry:
                return None  # reported at the target; its intended kind may fit
            shown = entry.disclosure.hidden.get(reference.path, id)
            message = f"'{shown}' is of kind {target.kind}, not {' or '.join(reference.kinds)}"
            hint = self.candidates.only(reference.kinds)
            self._report(entry, Problem(reference.path, message, hint))
            return None
        return target

    def _meant(self, entry: Entry, reference: Reference, id: EntryId) -> str | None:
        field = self.registry.schema(entry.kind).field.at(reference.path)
        if field is not None and field.inline and reference.text.endswith(".py"):
            return "write file://name.py#function for a function in a file"
        return self.candidates.near(id, reference.kinds)

    def _cycle(self, cycle: list[EntryId]) -> None:
        first, needed = cycle[:2]
        path = next(path for path, id in self.links[first].references.items() if id == needed)
        shown = [*map(str, cycle)]
        if len(shown) > _CYCLE_SHOWN:
            shown[_CYCLE_SHOWN // 2 : -_CYCLE_SHOWN // 2] = ["…"]
        problem = Problem(path, f"a circular reference: {' → '.join(shown)}", "remove one of them")
        self._report(self.entries[first], problem)
        self.faulty.update(cycle)

    def _check_handlers(self, handlers: HandlerCheck) -> None:
        """Check the files of the handlers, and collect the entries that their code names."""
        missing = partial(missing_capability, self.links)
        code = CodeCheck(
            self.manifest.folder,
            handlers,
            self._used,
            missing,
            Subscriptions(self.links, is_complete=self.manifest.complete),
            self.findings,
            self.notes,
        )
        for id, link in self.links.items():
            functions = [each.entry for each in link.handlers]
            if not all([handlers.check(each) for each in functions]):
                self.faulty.add(id)
            if not functions or id in self.faulty:
                continue
            if uses := dict(ChainMap(*map(code.uses, functions))):
                self.links[id] = replace(link, uses=uses)

    def _used(self, entry: Entry, use: Use) -> EntryId | Problem | None:
        """The entry that the code of a handler names, or what is wrong with it, if it is known."""
        id = EntryId.parse(use.id, entry.id.namespace)
        target = self.entries.get(id)
        kinds = KINDS.get(use.callee.name.partition(".")[0], ("*",))
        if target is None:
            if not self.manifest.complete:
                return None
            return Problem((), f"no entry '{id}'", self.candidates.near(id, kinds))
        if not fits(target, kinds) and is_built_in(target.kind):
            message = f"'{id}' is of kind {target.as_shown('kind')}, not {' or '.join(kinds)}"
            return Problem((), message, self.candidates.only(kinds))
        return id

    def _check_kinds(self, handlers: HandlerCheck) -> None:
        """Have the kinds check their entries."""
        faulty = frozenset(self.faulty)
        check = KindCheck(self.links, faulty, handlers, self._report, self.manifest.folder)
        for id, link in self.links.items():
            if id not in faulty:
                check(link)

    def _report(self, entry: Entry, problem: Problem) -> None:
        at = entry.key_at if problem.at_key else entry.at
        if isinstance(problem, Note):
            place = at(*problem.path)
            self.notes.append(Finding(place, problem.message, problem.hint, Level.NOTE))
            return
        self.findings.append(Finding(at(*problem.path), problem.message, problem.hint))
        self.faulty.add(entry.id)
