"""Transition: from the services that run to others, without a gap where there need be none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from runtime.entry_id import EntryId
from runtime.linking.graph import Graph
from runtime.loggers import logger
from runtime.service import Stage
from runtime.supervision.child import Child, StartFailed
from runtime.supervision.spec import ServiceSpec

log = logger("runtime.supervisor")


class Exchange(Protocol):
    """The surroundings of the services, as the transition changes them too."""

    def commit(self) -> None:
        """Let everybody use the new components from now on. If it raises, nothing is done."""
        ...

    def undo(self) -> None:
        """Let everybody use the old ones again."""
        ...

    async def released(self, limit: float) -> None:
        """Return once nobody uses the old ones any more, after `limit` seconds at the latest."""
        ...


class Unchanged:
    """Nothing surrounds the services."""

    def commit(self) -> None: ...

    def undo(self) -> None: ...

    async def released(self, limit: float) -> None: ...


class Starter(Protocol):
    """The supervisor, as a transition needs it."""

    children: dict[EntryId, Child]
    graph: Graph[EntryId]

    def child(self, spec: ServiceSpec, *, has_run: bool = False) -> Child: ...

    def in_order(self, children: Collection[Child], graph: Graph[EntryId]) -> list[Child]: ...

    async def start_one(self, child: Child, later: list[Child], graph: Graph[EntryId]) -> None: ...

    async def stop_all(
        self, children: Collection[Child], graph: Graph[EntryId] | None = None
    ) -> None: ...

    def is_stopping(self) -> bool: ...


class Transition:
    """Starts what arrives, and stops what leaves, in this order:

    1. Resources and migrations start, beside those that they replace.
    2. `exchange.commit()`: in one turn of the loop everybody uses the new components.
    3. Servers, consumers and processes that leave are stopped, then new ones started. One that may
       run beside its predecessor starts before that stops.
    4. The resources that leave are stopped, once `exchange.released()` has returned.

    If one does not start, all is put back as it was.
    """

    def __init__(
        self,
        starter: Starter,
        selected: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        exchange: Exchange,
    ) -> None:
        self._starter = starter
        self._graph = graph
        self._exchange = exchange
        self._selected = selected
        self._before = dict(starter.children)
        self._before_graph = starter.graph
        self._before_specs = {id: child.spec for id, child in self._before.items()}
        self.kept = {
            id: child
            for id, child in self._before.items()
            if id in selected and child.stays_with(selected[id])
        }
        self.leaving = {id: child for id, child in self._before.items() if id not in self.kept}
        self.arriving = {
            id: starter.child(spec) for id, spec in selected.items() if id not in self.kept
        }
        self._stopped: list[Child] = []

    @property
    def children(self) -> list[Child]:
        """Those that leave and those that arrive."""
        return [*self.leaving.values(), *self.arriving.values()]

    async def run(self) -> bool:
        """Returns false if a stop of all came in between. Raises StartFailed, with all as before,
        and what `exchange.commit` raises.
        """
        early = self._early()
        try:
            await self._start(early, self._graph)
            if not self._starter.is_stopping():
                self._exchange.commit()
        except BaseException:
            await self._starter.stop_all(early, self._graph)
            raise
        if self._starter.is_stopping():
            await self._starter.stop_all(early, self._graph)
            return False
        self._use_new()
        try:
            await self._change_the_rest(early)
        except StartFailed:
            await self._put_back()
            raise
        limits = [each.lifecycle.stop_timeout for each in self.leaving.values() if each.alive]
        if limits and not self._starter.is_stopping():
            await self._exchange.released(max(limits))
        await self._starter.stop_all([*self.leaving.values()], self._before_graph)
        return not self._starter.is_stopping()

    def _early(self) -> list[Child]:
        """The resources and migrations to be started before anything else changes."""
        early: list[Child] = []
        for child in self._starter.in_order(self.arriving.values(), self._graph):
            needs = self._graph.reach([child.id]) - {child.id}
            waits = [self.arriving[id] for id in needs if id in self.arriving]
            if (
                child.stage <= Stage.MIGRATION
                and not self._excludes(child)
                and all(other in early for other in waits)
            ):
                early.append(child)
        return early

    def _excludes(self, arriving: Child) -> bool:
        """True if it cannot run while its predecessor does."""
        old = self.leaving.get(arriving.id)
        return old is not None and old.alive and not arriving.spec.runs_beside(old.spec)

    def _use_new(self) -> None:
        children = {**self.kept, **self.arriving}
        self._starter.graph = self._graph
        self._starter.children = {id: children[id] for id in self._selected}
        for id, child in self.kept.items():
            child.revise(self._selected[id])

    async def _change_the_rest(self, early: Collection[Child]) -> None:
        late = [child for child in self.arriving.values() if child not in early]
        excluding = {child.id for child in late if self._excludes(child)}
        self._stopped = [
            child
            for id, child in self.leaving.items()
            if child.alive
            and (id in excluding or (id not in self.arriving and child.stage > Stage.MIGRATION))
        ]
        await self._starter.stop_all(self._stopped, self._before_graph)
        await self._start(self._starter.in_order(late, self._graph), self._graph)

    async def _start(self, children: list[Child], graph: Graph[EntryId]) -> None:
        for position, child in enumerate(children):
            if self._starter.is_stopping():
                return
            try:
                await self._starter.start_one(child, children[position + 1 :], graph)
            except StartFailed as error:
                if not self._had_failed(child):
                    raise
                child.failed_for_good = True
                log.error("%s", error, extra={"entry": child.id})

    def _had_failed(self, child: Child) -> bool:
        """True for one that is as before, and failed then too: no reason to undo what changed."""
        old = self._before.get(child.id)
        return old is not None and old.spec.service is child.spec.service

    async def _put_back(self) -> None:
        self._exchange.undo()
        again = {
            child.id: self._starter.child(child.spec, has_run=True)
            for child in self._stopped
            if not child.abandoned
        }
        self._starter.graph = self._before_graph
        self._starter.children = {**self._before, **again}
        for id, child in self.kept.items():
            child.revise(self._before_specs[id])
        await self._starter.stop_all([*self.arriving.values()], self._graph)
        restarted = self._starter.in_order(again.values(), self._before_graph)
        await self._start(restarted, self._before_graph)
