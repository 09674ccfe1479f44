"""Supervisor: starts services in order, keeps them running, and stops them in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.linking.graph import Graph
from runtime.loggers import logger
from runtime.service import Stage
from runtime.supervision.child import GRACE, Child, StartFailed, State
from runtime.supervision.spec import ServiceSpec
from runtime.telemetry import OFF, Telemetry

log = logger("runtime.supervisor")

SLOW_START = 3.0
"""Seconds after which a start that is not ready is explained."""


class Supervisor:
    """Runs the services of an application.

    `graph` has every entry; an entry that does not run passes its needs on to those that need it.
    The services that run are those `wanted` (None for all with `auto_start`) and all that they
    need, except those that run `elsewhere`, in another process.
    """

    def __init__(
        self,
        specs: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        wanted: Collection[EntryId] | None = None,
        elsewhere: Collection[EntryId] = (),
        *,
        clock: Clock = REAL,
        telemetry: Telemetry = OFF,
    ) -> None:
        self._graph = graph
        self._clock = clock
        self._telemetry = telemetry
        self.children = {
            id: self._child(spec) for id, spec in _select(specs, graph, wanted, elsewhere).items()
        }
        self.start_failed: str | None = None
        """Why the application, or the change applied last, could not start, in one line."""
        self.ready = False
        """True while all services that are to run have started and none has failed for good."""
        self.stopping = asyncio.Event()
        """Set once `stop` has been called."""
        self._changing = asyncio.Lock()
        self._leaving: Collection[Child] = ()
        """Those that the change in progress removes or replaces."""
        self._cascades: set[asyncio.Task[None]] = set()

    @property
    def exit_code(self) -> ExitCode:
        """The gravest outcome so far among the present services."""
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
        children = self.children.values()
        stages = {child.stage for child in children}
        return sum(
            _stop_timeout([child for child in children if child.stage is stage]) + 2 * GRACE
            for stage in stages
        )

    def order(self) -> list[Child]:
        """The children in the order of their start: needs first, then by stage, then as written."""

        # An entry that does not run has no stage: it must not hold up those that do.
        def rank(id: EntryId) -> int:
            return self.children[id].stage if id in self.children else -1

        return [self.children[id] for id in self._graph.order(rank) if id in self.children]

    async def start(self) -> bool:
        """Start the children one after the other. Returns true if all of them are ready.

        Returns false as soon as one fails or `stop` is called.
        """
        async with self._changing:
            return await self._start_waiting()

    async def apply(
        self,
        specs: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        wanted: Collection[EntryId] | None = None,
        elsewhere: Collection[EntryId] = (),
    ) -> bool:
        """Replace all services by those of `specs`, and touch only those that differ.

        A service that runs, or that has ended well, is kept if its component is the same and its
        lifecycle equal. The others stop, as in `stop`; then new ones and those that had failed
        start, as in `start`. Returns true if all of them are ready. Calls are served one after the
        other. Raises RuntimeError once the application is stopping.
        """
        async with self._changing:
            if self.stopping.is_set():
                raise RuntimeError("the application is stopping")
            if self._cascades:
                await asyncio.wait(self._cascades)
            selected = _select(specs, graph, wanted, elsewhere)
            kept = {
                id: child
                for id, child in self.children.items()
                if id in selected and _stays(child, selected[id])
            }
            self._leaving = [c for id, c in self.children.items() if id not in kept]
            await self._stop_in_stages(self._leaving)
            self._leaving = ()
            if self.stopping.is_set():
                return False
            self._graph = graph
            self.children = {
                id: kept[id] if id in kept else self._child(spec) for id, spec in selected.items()
            }
            self.start_failed = None
            return await self._start_waiting()

    async def stop(self) -> None:
        """Stop stage by stage, servers first; the members of a stage together.

        A service that another one of the same stage needs stops after it, within the stage's time.
        """
        self.stopping.set()
        self.ready = False
        for task in self._cascades:
            task.cancel()
        await self._stop_in_stages(self.children.values())

    def _child(self, spec: ServiceSpec) -> Child:
        return Child(spec, self._changed, self._clock)

    async def _start_waiting(self) -> bool:
        waiting = [child for child in self.order() if child.state is State.WAITING]
        for position, child in enumerate(waiting):
            if self.stopping.is_set():
                return False
            if failed := self._failed_need(child):
                self.start_failed = f"{child.id} could not start: it needs {failed}, which failed"
                break
            try:
                await self._start_child(child, waiting[position + 1 :])
            except StartFailed as error:
                self.start_failed = str(error)
                break
        started = self.start_failed is None and not self.stopping.is_set()
        self.ready = started and not any(c.failed_for_good for c in self.children.values())
        return started

    async def _start_child(self, child: Child, later: list[Child]) -> None:
        """Start one service. Logs, while it takes long, which others wait for it."""
        starting = asyncio.create_task(child.start())
        while not starting.done():
            await asyncio.wait({starting}, timeout=SLOW_START)
            if not starting.done() and not self.stopping.is_set():
                waiting = ", ".join(str(other.id) for other in later)
                after = f"; waiting for it: {waiting}" if waiting else ""
                log.warning("%s is not ready yet%s", child.id, after, extra={"entry": child.id})
        await starting

    def _failed_need(self, child: Child) -> EntryId | None:
        needs = self._graph.reach([child.id]) - {child.id}
        return next(
            (id for id in needs if id in self.children and self.children[id].failed_for_good),
            None,
        )

    async def _stop_in_stages(self, children: Collection[Child]) -> None:
        for stage in reversed(Stage):
            members = [child for child in children if child.stage is stage]
            if members:
                await self._stop_together(members)

    async def _stop_together(self, members: list[Child]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _stop_timeout(members)
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

    def _changed(self, child: Child) -> None:
        if self._telemetry.enabled:
            self._telemetry.event(
                "service.state", child.id, state=child.state.value, attempt=child.attempt
            )
        if child.failed_for_good and not self.stopping.is_set() and child not in self._leaving:
            self.ready = False
            task = asyncio.create_task(self._stop_dependents(child))
            self._cascades.add(task)
            task.add_done_callback(self._cascades.discard)

    async def _stop_dependents(self, failed: Child) -> None:
        ids = self._graph.reach([failed.id], dependents=True) - {failed.id}
        dependents = [c for id, c in self.children.items() if id in ids and c.alive]
        if dependents:
            names = ", ".join(str(child.id) for child in dependents)
            message = "%s failed, so what needs it stops: %s"
            log.error(message, failed.id, names, extra={"entry": failed.id})
            await self._stop_in_stages(dependents)


def _select(
    specs: Mapping[EntryId, ServiceSpec],
    graph: Graph[EntryId],
    wanted: Collection[EntryId] | None,
    elsewhere: Collection[EntryId],
) -> dict[EntryId, ServiceSpec]:
    """The services that are to run."""
    if wanted is None:
        wanted = [id for id, spec in specs.items() if spec.lifecycle.auto_start]
    reached = graph.reach(wanted).difference(elsewhere)
    return {id: spec for id, spec in specs.items() if id in reached}


def _stays(child: Child, spec: ServiceSpec) -> bool:
    """True if the child is neither to be replaced nor to be started again."""
    settled = child.state is State.EXITED or child.abandoned
    alive = child.alive and child.state is not State.STOPPING
    return child.spec.is_same(spec) and (settled or alive)


def _stop_timeout(children: Collection[Child]) -> float:
    return max((child.lifecycle.stop_timeout for child in children), default=0.0)
