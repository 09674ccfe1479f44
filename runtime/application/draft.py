"""Draft: an assembly that nobody uses yet, and what its use would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, cast

import msgspec

from runtime.application.assembly import (
    Assembly,
    Made,
    compose,
    hints_of,
    made_from,
    service_of,
)
from runtime.application.plan import Action, Change
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.linking.link import Link, LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.service import Stage
from runtime.supervision.spec import ServiceSpec

_MOST_FILES = 10_000


class Draft(msgspec.Struct, frozen=True):
    """Components that are built and not used, beside the previous ones, which are in use."""

    assembly: Assembly
    changes: Mapping[EntryId, Change]
    gone: Sequence[Change]
    """The entries of the previous assembly that are not there any more."""
    revisions: Sequence[Callable[[], None]]
    previous: Assembly | None

    def commit(self) -> None:
        """Use it: revise what goes on, and compose all. Raises StartError, with all as before."""
        for revise in self.revisions:
            revise()
        try:
            compose(self.assembly)
        except BaseException:
            if self.previous is not None:
                self.undo()
            raise

    def undo(self) -> None:
        """Use the previous assembly again."""
        assert self.previous is not None
        for id, change in self.changes.items():
            revise = self.assembly.linked.links[id].kind.revise
            if change.action is Action.REVISE and revise is not None:
                made = self.previous.made[id]
                now = self.assembly.made[id].config
                back = revise(self.previous.components[id], now, made.config, made.context)
                if back is not None:  # else only its lifecycle was another one
                    back()
        compose(self.previous)


def draft(
    linked: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
    previous: Assembly | None = None,
    stale: AbstractSet[str] = frozenset(),
) -> Draft:
    """Build the component of every entry, in the order of the graph.

    The component of an entry that is as it was in `previous` is taken from there, provided that
    the same is true of everything it refers to, in its fields and in its code, and that its handler
    is in none of the modules `stale`, which are imported anew. So is one that its kind can revise.
    Raises StartError, for a handler that cannot be imported for one.
    """
    drafting = _Drafting(linked, scope, handlers, previous, stale)
    for id in linked.graph.order():
        drafting.take(linked.links[id])
    return drafting.result()


class _Drafting:
    def __init__(
        self,
        linked: LinkedManifest,
        scope: ApplicationContext,
        handlers: Handlers,
        previous: Assembly | None,
        stale: AbstractSet[str],
    ) -> None:
        self._linked = linked
        self._scope = scope
        self._ahead = scope if previous is None else scope.view()
        self._handlers = handlers
        self._previous = previous
        self._stale = stale
        self._components: dict[EntryId, Any] = {}
        self._services: dict[EntryId, ServiceSpec] = {}
        self._made: dict[EntryId, Made] = {}
        self._changes: dict[EntryId, Change] = {}
        self._rebuilt: set[EntryId] = set()
        self._revisions: list[Callable[[], None]] = []

    def take(self, link: Link) -> None:
        """Keep, revise or build the component of an entry."""
        id, previous = link.entry.id, self._previous
        old = previous.linked.links.get(id) if previous is not None else None
        stamp = self._stamp(link)
        if previous is None or old is None or old.kind is not link.kind:
            action, why = Action.ADD, "kind" if old is not None else ""
            if old is not None:
                action = Action.REPLACE
            self._build(link, stamp)
        elif why := self._why_changed(link, old, previous.made[id], stamp):
            revised = self._revise(link, previous.components[id], stamp)
            action = Action.REVISE if revised else Action.REPLACE
            if not revised:
                self._build(link, stamp)
        else:
            action = Action.KEEP
            self._components[id] = previous.components[id]
            self._made[id] = previous.made[id]
        spec = service_of(link, self._components[id], self._linked)
        if spec is not None:
            self._services[id] = spec
            before = previous.services.get(id) if previous is not None else None
            if action is Action.KEEP and before and before.lifecycle != spec.lifecycle:
                action, why = Action.REVISE, "lifecycle"
                self._revise(link, spec.service, stamp)  # it may know how long it may stop
        if action is Action.KEEP and old is not None and _requires(old) != _requires(link):
            action, why = Action.REVISE, "lifecycle"
        lost = self._lost(old) if action is Action.REPLACE and old is not None else None
        self._changes[id] = Change(id=id, kind=link.kind.name, action=action, why=why, lost=lost)

    def result(self) -> Draft:
        assembly = Assembly(self._linked, self._components, self._services, self._made)
        previous = self._previous
        if previous is not None:
            self._ahead.components = self._components
            self._ahead.fields = assembly.fields
        gone = [
            Change(id=id, kind=link.kind.name, action=Action.REMOVE, lost=self._lost(link))
            for id, link in (previous.linked.links if previous is not None else {}).items()
            if id not in self._components
        ]
        # in the order of the manifest
        changes = {id: self._changes[id] for id in self._linked.links}
        return Draft(assembly, changes, gone, self._revisions, previous)

    def _why_changed(self, link: Link, old: Link, made: Made, stamp: object) -> str:
        """The reason why building the entry again could make another component; empty if it would
        not.

        A changed service that its code names is one: it may keep its connection or its value.
        """
        if fields := [*_changed_fields(old, link)]:
            return ", ".join(fields)
        if old.entry.folder != link.entry.folder:
            return "its folder"
        if code := [*self._stale_code(link)]:
            return f"code in {', '.join(code)}"
        if stamp != made.stamp:
            return "files"
        named = [to for path, to in link.references.items() if path[0] != "lifecycle"]
        used = [to for to in link.uses if self._linked.links[to].stage is not None]
        return ", ".join(str(to) for to in dict.fromkeys((*named, *used)) if to in self._rebuilt)

    def _stale_code(self, link: Link) -> Iterator[str]:
        """The files of its functions that changed, or that import one that did."""
        for each in link.handlers:
            source = each.entry.fields["source"]
            if self._handlers.module(source, each.entry.folder) in self._stale:
                yield source.partition("://")[2]

    def _revise(self, link: Link, component: Any, stamp: object) -> bool:
        if link.kind.revise is None:
            return False
        assert self._previous is not None
        made, before = self._made_from(link, stamp), self._previous.made[link.entry.id].config
        revision = link.kind.revise(component, before, made.config, made.context)
        if revision is None:
            return False
        self._components[link.entry.id], self._made[link.entry.id] = component, made
        self._revisions.append(revision)
        return True

    def _build(self, link: Link, stamp: object) -> None:
        made = self._made_from(link, stamp)
        self._components[link.entry.id] = link.kind.build(made.config, made.context)
        self._made[link.entry.id] = made
        self._rebuilt.add(link.entry.id)

    def _made_from(self, link: Link, stamp: object) -> Made:
        ahead = link.stage is not None and link.stage <= Stage.MIGRATION
        scope = self._ahead if ahead else self._scope
        made = made_from(link, self._components, self._linked, scope, self._handlers)
        return msgspec.structs.replace(made, stamp=stamp)

    def _lost(self, old: Link) -> str | None:
        assert self._previous is not None
        cost = old.kind.cost
        return None if cost is None else cost(self._previous.components[old.entry.id])

    def _stamp(self, link: Link) -> object:
        if link.kind.reads is None:
            return None
        folder = self._linked.manifest.folder
        entry = LinkedEntry(self._linked.links, link)
        return tuple(_stamp(path) for path in link.kind.reads(entry, folder))


def _requires(link: Link) -> set[EntryId]:
    return {to for path, to in link.references.items() if path[0] == "lifecycle"}


def _changed_fields(old: Link, new: Link) -> Iterator[str]:
    """The fields that the builder sees and that differ. 1 and true do."""
    for name in hints_of(cast(Any, new.kind.config)):
        if repr(old.entry.fields.get(name)) != repr(new.entry.fields.get(name)):
            yield name


def _stamp(path: Path) -> object:
    """Tells one state of a file, or of a folder with all that is in it, from another."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())[:_MOST_FILES]
        return tuple((str(each), *_state(each)) for each in found)
    return _state(path)


def _state(file: Path) -> tuple[int, ...]:
    try:
        state = file.stat()
    except OSError:
        return ()
    return state.st_mtime_ns, state.st_size, state.st_ino
