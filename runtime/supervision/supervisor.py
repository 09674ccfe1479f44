"""Supervisor: starts services in order, keeps them running, and stops them in reverse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping

from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.linking.graph import Graph
from runtime.service import Stage
from runtime.supervision.child import GRACE, Child, StartFailed, State
from runtime.supervision.spec import ServiceSpec

log = logging.getLogger("runtime.supervisor")

PATIENCE = 3.0
"""Seconds after which a start that is not ready is explained."""


class Supervisor:
    """The services of an application as children.

    `graph` has every entry; an entry that does not run passes its needs on to those that need it.
    Started is what is `wanted` (None for what says so itself), with all that it needs, but for
    what runs `elsewhere`.
    """

    def __init__(
        self,
        runnables: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        wanted: Collection[EntryId] | None = None,
        elsewhere: Collection[EntryId] = (),
    ) -> None:
        if wanted is None:
            wanted = [id for id, runnable in runnables.items() if runnable.lifecycle.auto_start]
        reached = graph.reach(wanted).difference(elsewhere)
        self._graph = graph
        self.children = {
            id: Child(runnable, self._changed)
            for id, runnable in runnables.items()
            if id in reached
        }
        self.start_failed: str | None = None
        """Why the application could not start, in one line."""
        self.ready = False
        """Whether all that was to start runs, and nothing failed for good or is stopping."""
        self._stopping = False
        self._cascades: set[asyncio.Task[None]] = set()

    @property
    def exit_code(self) -> ExitCode:
        """The gravest outcome so far."""
        children = self.children.values()
        if self.start_failed is not None:
            return ExitCode.START_FAILED
        if any(child.failed_for_good for child in children):
            return ExitCode.SERVICE_FAILED
        overran = any(child.overran for child in children)
        return ExitCode.STOP_TIMED_OUT if overran else ExitCode.OK

    @property
    def budget(self) -> float:
        """Seconds that a stop takes at most."""
        stages = {child.stage for child in self.children.values()}
        return sum(self._limit(stage) + 2 * GRACE for stage in stages)

    def order(self) -> list[Child]:
        """The children in the order of their start: needs first, then by stage, then as written."""

        # An entry that does not run has no stage: it must not hold up those that do.
        def rank(id: EntryId) -> int:
            return self.children[id].stage if id in self.children else -1

        return [self.children[id] for id in self._graph.order(rank) if id in self.children]

    async def start(self) -> bool:
        """Start the children one after the other; whether all of them are ready.

        Returns early, with False, if one fails or `stop` is called meanwhile.
        """
        order = self.order()
        for position, child in enumerate(order):
            if self._stopping:
                return False
            if blocked := self._blocked_by(child):
                self.start_failed = f"{child.id} could not start: it needs {blocked}, which failed"
                return False
            try:
                await self._start_explained(child, order[position + 1 :])
            except StartFailed as error:
                self.start_failed = str(error)
                return False
        self.ready = not self._stopping and not any(child.failed_for_good for child in order)
        return not self._stopping

    async def stop(self) -> None:
        """Stop stage by stage, servers first; the members of a stage together.

        A member that another one of the same stage needs stops after it, inside the stage's time.
        """
        self._stopping = True
        self.ready = False
        for task in self._cascades:
            task.cancel()
        for stage in reversed(Stage):
            members = [child for child in self.children.values() if child.stage == stage]
            if members:
                await self._stop_together(members, self._limit(stage))

    def _limit(self, stage: Stage) -> float:
        return max(
            (c.lifecycle.stop_timeout for c in self.children.values() if c.stage == stage),
            default=0.0,
        )

    async def _stop_together(self, members: Iterable[Child], limit: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        group = {child.id: child for child in members}
        stops: dict[EntryId, asyncio.Task[None]] = {}

        async def stop(child: Child) -> None:
            dependents = self._graph.reach([child.id], dependents=True) & group.keys()
            before = [stops[id] for id in dependents if id != child.id]
            if before:
                await asyncio.wait(before)
            await child.stop(max(0.0, deadline - loop.time()))

        for id, child in group.items():
            stops[id] = asyncio.create_task(stop(child))
        await asyncio.gather(*stops.values())

    async def _start_explained(self, child: Child, later: list[Child]) -> None:
        starting = asyncio.create_task(child.start())
        while not starting.done():
            await asyncio.wait({starting}, timeout=PATIENCE)
            if not starting.done() and not self._stopping:
                waiting = ", ".join(str(other.id) for other in later)
                after = f"; waiting for it: {waiting}" if waiting else ""
                log.warning("%s is not ready yet%s", child.id, after, extra={"entry": child.id})
        await starting

    def _blocked_by(self, child: Child) -> EntryId | None:
        needs = self._graph.reach([child.id]) - {child.id}
        return next(
            (id for id in needs if id in self.children and self.children[id].failed_for_good),
            None,
        )

    def _changed(self, child: Child) -> None:
        if child.state is State.FAILED and child.failed_for_good and not self._stopping:
            self.ready = False
            task = asyncio.create_task(self._stop_dependents(child))
            self._cascades.add(task)
            task.add_done_callback(self._cascades.discard)

    async def _stop_dependents(self, failed: Child) -> None:
        ids = self._graph.reach([failed.id], dependents=True) - {failed.id}
        dependents = [c for id, c in self.children.items() if id in ids and c.alive]
        if not dependents:
            return
        names = ", ".join(str(child.id) for child in dependents)
        said = "%s failed, so what needs it stops: %s"
        log.error(said, failed.id, names, extra={"entry": failed.id})
        for stage in reversed(Stage):
            members = [child for child in dependents if child.stage == stage]
            if members:
                limit = max(child.lifecycle.stop_timeout for child in members)
                await self._stop_together(members, limit)
