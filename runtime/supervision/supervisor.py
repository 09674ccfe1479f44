"""Supervisor: starts services in order, keeps them running, and stops them in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.linking.graph import Graph
from runtime.loggers import logger
from runtime.service import Stage
from runtime.supervision.child import GRACE, Child, StartFailed
from runtime.supervision.spec import ServiceSpec
from runtime.supervision.transition import Exchange, Transition, Unchanged
from runtime.telemetry import OFF, Telemetry

log = logger("runtime.supervisor")

UNCHANGED = Unchanged()

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
        self.graph = graph
        self._clock = clock
        self._telemetry = telemetry
        self.children = {
            id: self.child(spec)
            for id, spec in select_services(specs, graph, wanted, elsewhere).items()
        }
        self.start_failed: str | None = None
        """Why the application, or the change applied last, could not start, in one line."""
        self.ready = False
        """True while all services that are to run have started and none has failed for good."""
        self.stopping = asyncio.Event()
        """Set once `stop` has been called."""
        self._changing = asyncio.Lock()
        self._transition: Transition | None = None
        """The change in progress."""
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
        return longest_stop((child.stage, child.lifecycle.stop_timeout) for child in children)

    def order(self) -> list[Child]:
        """The children in the order of their start."""
        return self.in_order(self.children.values(), self.graph)

    async def start(self) -> bool:
        """Start the children one after the other. Returns true if all of them are ready.

        Returns false as soon as one fails or `stop` is called.
        """
        async with self._changing:
            waiting = self.order()
            for position, child in enumerate(waiting):
                if self.stopping.is_set():
                    return False
                try:
                    await self.start_one(child, waiting[position + 1 :], self.graph)
                except StartFailed as error:
                    self.start_failed = str(error)
                    return False
            return self._is_ready()

    def transition(
        self,
        specs: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        wanted: Collection[EntryId] | None = None,
        elsewhere: Collection[EntryId] = (),
        exchange: Exchange = UNCHANGED,
    ) -> Transition:
        """The change as `apply` would make it now, which tells what is kept, leaves and arrives."""
        selected = select_services(specs, graph, wanted, elsewhere)
        return Transition(self, selected, graph, exchange)

    async def apply(
        self,
        specs: Mapping[EntryId, ServiceSpec],
        graph: Graph[EntryId],
        wanted: Collection[EntryId] | None = None,
        elsewhere: Collection[EntryId] = (),
        exchange: Exchange = UNCHANGED,
    ) -> bool:
        """Replace all services by those of `specs`, and touch only those that differ.

        A service that runs, or that has ended well, is kept if its component is the same. The
        others change as in a `Transition`; those that had failed start again. Returns true if all
        of them are ready. Calls are served one after the other. Raises StartFailed if a service
        does not start, and then all is as before; RuntimeError once the application is stopping.
        """
        async with self._changing:
            if self.stopping.is_set():
                raise RuntimeError("the application is stopping")
            if self._cascades:
                await asyncio.wait(self._cascades)
            transition = self.transition(specs, graph, wanted, elsewhere, exchange)
            self._transition = transition
            try:
                changed = await transition.run()
            finally:
                self._transition = None
            return changed and self._is_ready()

    async def restart(self, id: EntryId) -> None:
        """Stop a service and those that need it, and start them again; not those that have ended.

        One that does not start is tried again by its restart policy. Raises LookupError for a
        service that is not there, RuntimeError once the application is stopping.
        """
        async with self._changing:
            if self.stopping.is_set():
                raise RuntimeError("the application is stopping")
            if id not in self.children:
                raise LookupError(f"there is no service '{id}'")
            ids = self.graph.reach([id], dependents=True)
            old = [
                each for each in self.order() if each.id == id or (each.id in ids and each.alive)
            ]
            await self.stop_all(old)
            new = [self.child(each.spec, has_run=True) for each in old]
            self.children.update({each.id: each for each in new})
            for position, each in enumerate(new):
                if not self.stopping.is_set():
                    await self.start_one(each, new[position + 1 :], self.graph)
            self._is_ready()

    async def stop(self) -> None:
        """Stop stage by stage, servers first; the members of a stage together.

        A service that another one of the same stage needs stops after it, within the stage's time.
        """
        self.stopping.set()
        self.ready = False
        for task in self._cascades:
            task.cancel()
        others = self._transition.children if self._transition is not None else ()
        await self.stop_all([*dict.fromkeys([*self.children.values(), *others])])

    def is_stopping(self) -> bool:
        """True once `stop` has been called."""
        return self.stopping.is_set()

    def child(self, spec: ServiceSpec, *, has_run: bool = False) -> Child:
        """Make a child, which is not one of the `children` yet."""
        return Child(spec, self._changed, self._clock, has_run=has_run)

    def in_order(self, children: Collection[Child], graph: Graph[EntryId]) -> list[Child]:
        """Children in the order of their start: needs first, then by stage, then as written."""
        by_id = {child.id: child for child in children}

        # An entry that does not run has no stage: it must not hold up those that do.
        def rank(id: EntryId) -> int:
            return by_id[id].stage if id in by_id else -1

        return [by_id[id] for id in graph.order(rank) if id in by_id]

    async def start_one(self, child: Child, later: list[Child], graph: Graph[EntryId]) -> None:
        """Start one service. Logs, while it takes long, which others wait for it. Raises
        StartFailed.
        """
        if failed := self._failed_need(child, graph):
            raise StartFailed(f"{child.id} could not start: it needs {failed}, which failed")
        starting = asyncio.create_task(child.start())
        while not starting.done():
            await asyncio.wait({starting}, timeout=SLOW_START)
            if not starting.done() and not self.stopping.is_set():
                waiting = ", ".join(str(other.id) for other in later)
                after = f"; waiting for it: {waiting}" if waiting else ""
                log.warning("%s is not ready yet%s", child.id, after, extra={"entry": child.id})
        await starting

    def _is_ready(self) -> bool:
        failed = any(child.failed_for_good for child in self.children.values())
        self.ready = not self.stopping.is_set() and not failed
        return not self.stopping.is_set()

    def _failed_need(self, child: Child, graph: Graph[EntryId]) -> EntryId | None:
        needs = graph.reach([child.id]) - {child.id}
        return next(
            (id for id in needs if id in self.children and self.children[id].failed_for_good),
            None,
        )

    async def stop_all(
        self, children: Collection[Child], graph: Graph[EntryId] | None = None
    ) -> None:
        """Stop children as in `stop`, by another graph than the present one if it is given."""
        for stage in reversed(Stage):
            members = [child for child in children if child.stage is stage]
            if members:
                await self._stop_together(members, graph or self.graph)

    async def _stop_together(self, members: list[Child], graph: Graph[EntryId]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _stop_timeout(members)
        ids = {child.id for child in members if child.id in graph.needs}
        stops: dict[Child, asyncio.Task[None]] = {}

        async def stop(child: Child) -> None:
            others = ids - {child.id}
            known = others and child.id in ids
            dependents = graph.reach([child.id], dependents=True) & others if known else ()
            before = [stop for other, stop in stops.items() if other.id in dependents]
            if before:
                await asyncio.wait(before)
            await child.stop(max(0.0, deadline - loop.time()))

        for child in members:
            stops[child] = asyncio.create_task(stop(child))
        await asyncio.gather(*stops.values())

    def _changed(self, child: Child) -> None:
        if self._telemetry.enabled:
            self._telemetry.event(
                "service.state", child.id, state=child.state.value, attempt=child.attempt
            )
        leaving = self._transition.leaving if self._transition is not None else {}
        in_use = self.children.get(child.id) is child and leaving.get(child.id) is not child
        if child.failed_for_good and not self.stopping.is_set() and in_use:
            self.ready = False
            task = asyncio.create_task(self._stop_dependents(child))
            self._cascades.add(task)
            task.add_done_callback(self._cascades.discard)

    async def _stop_dependents(self, failed: Child) -> None:
        ids = self.graph.reach([failed.id], dependents=True) - {failed.id}
        dependents = [c for id, c in self.children.items() if id in ids and c.alive]
        if dependents:
            names = ", ".join(str(child.id) for child in dependents)
            message = "%s failed, so what needs it stops: %s"
            log.error(message, failed.id, names, extra={"entry": failed.id})
            await self.stop_all(dependents)


def select_services(
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


def longest_stop(services: Iterable[tuple[Stage, float]]) -> float:
    """Seconds that services of these stages and stop timeouts take at most to stop."""
    stages: dict[Stage, float] = {}
    for stage, timeout in services:
        stages[stage] = max(timeout, stages.get(stage, 0.0))
    return sum(stages.values()) + 2 * GRACE * len(stages)


def _stop_timeout(children: Collection[Child]) -> float:
    return max((child.lifecycle.stop_timeout for child in children), default=0.0)
