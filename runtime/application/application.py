"""Application: a linked manifest, built, and served until it is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from socket import socket

from runtime.application.assembly import Assembly
from runtime.application.draft import Draft, draft
from runtime.application.plan import Plan, plan, refused_for
from runtime.application.selection import Selection, not_started, select, why_nothing_runs
from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool, run_in_thread
from runtime.linking.linker import LinkedManifest, link
from runtime.log.log import Log
from runtime.loggers import logger
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.service import Perishable, Stage, StartError
from runtime.supervision.child import StartFailed
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import OFF, Telemetry, opentelemetry
from runtime.units import format_duration

log = logger("runtime")

HANDLER_THREADS = 40
"""The number of plain `def` handlers of endpoints that run at once, unless told otherwise."""


class Application:
    """One application. `load` checks, `build` imports handlers, `serve` runs, `apply` changes it.

    `selection` says which services run. Where a parent runs several workers it opens the
    listening `sockets` and hears of the rest: `on_budget` gets the seconds that a stop may take,
    `on_ready` the addresses of the servers, in place of the line in the log.
    """

    def __init__(
        self,
        linked: LinkedManifest,
        selection: Selection | None = None,
        sockets: Mapping[EntryId, Sequence[socket]] | None = None,
        on_budget: Callable[[float], None] | None = None,
        on_ready: Callable[[Sequence[str]], None] | None = None,
        clock: Clock = REAL,
        telemetry: Telemetry = OFF,
        threads: int = HANDLER_THREADS,
    ) -> None:
        self.linked = linked
        self.selection = select(linked) if selection is None else selection
        """The services that run."""
        self._on_budget = on_budget
        self._on_ready = on_ready
        self.scope = ApplicationContext(clock, telemetry)
        self.scope.sockets = sockets or {}
        self.pool = ThreadPool(threads)
        self.supervisor: Supervisor | None = None
        self.state = "starting"
        """starting, running or stopping."""
        self.refused: tuple[str, ...] = ()
        """The findings for which the last reload was refused; empty once one was done."""
        self.refusals = 0
        """Reloads that were refused since the start."""
        self.generation = 1
        """One more after each change that was applied."""
        self.on_components: Callable[[], None] = _ignore
        """Called when components are in use in place of others, before their services start."""
        self.on_state: Callable[[], None] = _ignore
        """Called on the loop when `state`, `generation` or `refused` has changed."""
        self.source: Callable[[], tuple[LinkedManifest, Selection]] | None = None
        """Reads the folder again, in a thread: see `reload`."""
        self._handlers = Handlers(linked.manifest.folder, self.pool)
        self._assembly: Assembly | None = None
        self._applying = asyncio.Lock()

    @classmethod
    def load(
        cls,
        folder: Path,
        overrides: Sequence[Override] = (),
        environment: Mapping[str, str] | None = None,
        overlays: Sequence[Path] = (),
    ) -> Application:
        """Read and check a folder. Raises ManifestError with every finding."""
        manifest = read(folder, overrides, environment, overlays=overlays)
        return cls(link(manifest, Registry()))

    def build(self, log: Log | None = None) -> None:
        """Build the components. Raises StartError if a handler cannot be imported."""
        self.scope.log = log
        made = self._draft(self.linked)
        made.commit()
        self._use(made.assembly)

    async def serve(self, stop: asyncio.Event) -> int:
        """Start the services, run until `stop` is set, drain, and return the exit code."""
        if self._assembly is None:
            self.build()
        assert self._assembly is not None
        why = why_nothing_runs(self.linked, self.selection)
        if why and self._on_budget is None:  # a worker's parent has checked
            log.error("%s", why)
            return ExitCode.START_FAILED
        self.scope.loop = asyncio.get_running_loop()
        began = time.monotonic()
        supervisor = self.supervisor = Supervisor(
            self._assembly.services,
            self.linked.graph,
            self.selection.wanted,
            self.selection.elsewhere,
            clock=self.scope.clock,
            telemetry=self.scope.telemetry,
        )
        if self._on_budget is not None:
            self._on_budget(supervisor.budget)
        else:
            announce(self.linked, self.selection)
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.result():
            self._enter("running")
            self._report_ready(supervisor, time.monotonic() - began)
            await stopping
        elif starting.done() and supervisor.start_failed is not None:
            log.error("%s", supervisor.start_failed)
        stopping.cancel()
        await self._stop(supervisor)
        await starting
        return supervisor.exit_code

    async def apply(
        self, linked: LinkedManifest, selection: Selection | None = None, *, force: bool = False
    ) -> Plan:
        """Change to another manifest of the same folder, and to the code that is there now, while
        the application is served. Returns what was done.

        Components of entries that did not change are kept, with their state; of the services, only
        those that differ stop and start. Calls are served one after the other.

        Raises StartError, and then all is as before, if a component cannot be built, if a service
        does not start, or if something would be lost, unless that is forced. Raises RuntimeError
        before the start and once the application is stopping.
        """
        from runtime.application.exchange import ComponentExchange  # most programs never change

        async with self._applying:
            supervisor = self._running()
            chosen = select(linked) if selection is None else selection
            with self._handlers.afresh() as fresh:
                made = self._draft(linked, fresh.names)
                services = made.assembly.services
                choice = (services, linked.graph, chosen.wanted, chosen.elsewhere)
                done = plan(made.changes, made.gone, supervisor.transition(*choice))
                if done.losses and not force:
                    raise StartError(refused_for((each.id, each.lost) for each in done.losses))
            exchange = ComponentExchange(made, self.scope, self._use)
            before = self.linked, self.selection
            try:
                await supervisor.apply(*choice, exchange=exchange)
            except BaseException as error:
                fresh.restore()
                if isinstance(error, StartFailed):
                    raise StartError(str(error)) from None
                raise
            self.selection = chosen
            self.generation += bool(done.done)
            if self._on_budget is not None:
                self._on_budget(supervisor.budget)
            elif not_started(linked, chosen) != not_started(*before):
                announce(linked, chosen)
            self.on_state()
            return done

    async def reload(self, *, force: bool = False) -> Plan:
        """Read the folder again and `apply` it. Raises ManifestError with every finding, and what
        that raises.
        """
        linked, selection = await self._read()
        return await self.apply(linked, selection, force=force)

    async def plan_reload(self) -> Plan:
        """Tell what `reload` would do now."""
        linked, selection = await self._read()
        return await self.plan(linked, selection)

    async def _read(self) -> tuple[LinkedManifest, Selection]:
        if self.source is None:
            raise RuntimeError("nobody has said from where to read the application again")
        found: tuple[LinkedManifest, Selection] = await run_in_thread("reload", self.source)
        return found

    async def plan(self, linked: LinkedManifest, selection: Selection | None = None) -> Plan:
        """Tell what `apply` would do now. Raises StartError if a component cannot be built."""
        async with self._applying:
            supervisor = self._running()
            chosen = select(linked) if selection is None else selection
            with self._handlers.afresh() as fresh:
                made = self._draft(linked, fresh.names)
            fresh.restore()
            graph, services = linked.graph, made.assembly.services
            transition = supervisor.transition(services, graph, chosen.wanted, chosen.elsewhere)
            return plan(made.changes, made.gone, transition)

    def _running(self) -> Supervisor:
        if self.supervisor is None:
            raise RuntimeError("the application does not run")
        if self.supervisor.stopping.is_set():
            raise RuntimeError("the application is stopping")
        return self.supervisor

    def forget(self) -> None:
        """Drop the modules of the handlers, for programs that load many applications."""
        self._handlers.forget()

    def _draft(self, linked: LinkedManifest, stale: AbstractSet[str] = frozenset()) -> Draft:
        secrets = linked.manifest.secrets
        self.scope.redactor.hide(secrets)
        if self.scope.log is not None:
            self.scope.log.hide(secrets)
        return draft(linked, self.scope, self._handlers, self._assembly, stale)

    def _use(self, assembly: Assembly) -> None:
        self.linked = assembly.linked
        self._assembly = assembly
        opentelemetry.join(self.scope.telemetry)  # what the handlers have imported
        self.scope.replace(assembly.fields, {**assembly.components})
        self.on_components()

    async def _stop(self, supervisor: Supervisor) -> None:
        began = time.monotonic()
        self._enter("stopping")
        log.info("stopping")
        await supervisor.stop()
        services = self._assembly.services if self._assembly else {}
        for id, spec in services.items():
            if id not in supervisor.children and isinstance(spec.service, Perishable):
                spec.service.warn_of_loss()
        code = supervisor.exit_code
        log.info("stopped in %s, exit code %d", format_duration(time.monotonic() - began), code)

    def _enter(self, state: str) -> None:
        self.state = state
        self.on_state()

    def _report_ready(self, supervisor: Supervisor, took: float) -> None:
        children = supervisor.children.values()
        addresses = [child.where for child in children if child.stage is Stage.SERVER]
        if self._on_ready is not None:
            self._on_ready(addresses)
            return
        where = f": {', '.join(addresses)}" if addresses else ""
        log.info("ready in %s%s", format_duration(took), where)


def _ignore() -> None:
    """Nobody wants to know."""


def announce(linked: LinkedManifest, selection: Selection) -> None:
    """Log what this application has and does not start."""
    if selection.left_out:
        log.info("left out of this process: %s", ", ".join(map(str, selection.left_out)))
    if silent := not_started(linked, selection):
        log.warning("not started: %s", ", ".join(f"{id} (auto_start: false)" for id in silent))
