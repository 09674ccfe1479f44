"""Application: a linked manifest, built, and served until it is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from socket import socket
from typing import Any

from runtime.application.assembly import Assembly, assemble
from runtime.application.selection import Selection, not_started, select, why_nothing_runs
from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool
from runtime.linking.linker import LinkedManifest, link
from runtime.log.log import Log
from runtime.loggers import logger
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.service import Perishable, Stage, StartError
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import OFF, Telemetry
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
        self.operations: dict[str, Callable[..., Awaitable[Any]]] = {}
        """Done on its loop when management asks for them, by name."""
        self.generation = 1
        """One more after each change that was applied."""
        self.on_state: Callable[[], None] = _ignore
        """Called on the loop when `state` or `generation` has changed."""
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
        self._use(self._assemble(self.linked))

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

    async def apply(self, linked: LinkedManifest, selection: Selection | None = None) -> None:
        """Change to another manifest of the same folder, and to the code that is there now, while
        the application is served.

        Components of entries that did not change are kept, with their state; of the services, only
        those that differ stop and start. Calls are served one after the other.

        Raises StartError if a component cannot be built, and then nothing has changed; or if a
        service cannot start, and then those after it have not been started, and the others run.
        Raises RuntimeError before the start and once the application is stopping.
        """
        async with self._applying:
            if self.supervisor is None:
                raise RuntimeError("the application does not run")
            if self.supervisor.stopping.is_set():
                raise RuntimeError("the application is stopping")
            with self._handlers.afresh() as stale:
                assembly = self._assemble(linked, stale)
            self.selection = select(linked) if selection is None else selection
            self._use(assembly)
            applied = await self.supervisor.apply(
                assembly.services, linked.graph, self.selection.wanted, self.selection.elsewhere
            )
            if self._on_budget is not None:
                self._on_budget(self.supervisor.budget)
            else:
                announce(linked, self.selection)
            self.generation += 1
            self.on_state()
            if not applied and self.supervisor.start_failed is not None:
                raise StartError(self.supervisor.start_failed)

    def forget(self) -> None:
        """Drop the modules of the handlers, for programs that load many applications."""
        self._handlers.forget()

    def _assemble(self, linked: LinkedManifest, stale: AbstractSet[str] = frozenset()) -> Assembly:
        secrets = linked.manifest.secrets
        self.scope.redactor.hide(secrets)
        if self.scope.log is not None:
            self.scope.log.hide(secrets)
        return assemble(linked, self.scope, self._handlers, self._assembly, stale)

    def _use(self, assembly: Assembly) -> None:
        self.linked = assembly.linked
        self._assembly = assembly
        links = assembly.linked.links
        self.scope.replace(
            {id: link.entry.fields for id, link in links.items()}, {**assembly.components}
        )

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
