"""Application: a folder with a manifest, loaded, built, and served until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from socket import socket

from runtime.application.assembly import Assembly, assemble
from runtime.application.selection import Selection, select
from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.handlers.threads import ThreadPool
from runtime.linking.linker import LinkedManifest, link
from runtime.log.log import Log
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.service import Stage
from runtime.supervision.supervisor import Supervisor
from runtime.telemetry import OFF, Telemetry
from runtime.units import format_duration

log = logging.getLogger("runtime")

HANDLER_THREADS = 40
"""How many plain `def` handlers run at once, over the whole application."""


class Application:
    """One application. `load` checks, `build` imports handlers, `serve` runs.

    `selection` says which services run. Where a parent runs several workers it opens the
    listening `sockets` and hears of the rest: `on_budget` gets the seconds that a stop may take,
    `on_ready` the addresses of the servers, in place of the line in the log.
    """

    def __init__(
        self,
        linkage: LinkedManifest,
        selection: Selection | None = None,
        sockets: Mapping[EntryId, Sequence[socket]] | None = None,
        on_budget: Callable[[float], None] | None = None,
        on_ready: Callable[[Sequence[str]], None] | None = None,
        clock: Clock = REAL,
        telemetry: Telemetry = OFF,
    ) -> None:
        self.linkage = linkage
        self._selection = select(linkage) if selection is None else selection
        self._on_budget = on_budget
        self._on_ready = on_ready
        self.scope = ApplicationContext(clock, telemetry)
        self.scope.sockets = sockets or {}
        self.pool = ThreadPool(HANDLER_THREADS)
        self.supervisor: Supervisor | None = None
        self._handlers = Handlers(linkage.manifest.folder, self.pool)
        self._assembly: Assembly | None = None

    @classmethod
    def load(
        cls,
        folder: Path,
        overrides: Sequence[Override] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Application:
        """Read and check a folder. Raises ManifestError with every finding."""
        return cls(link(read(folder, overrides, environment), Registry()))

    def build(self, log: Log | None = None) -> None:
        """Make the components. Raises StartError if a handler cannot be imported."""
        self.scope.log = log
        if log is not None:
            log.hide(self.linkage.manifest.secrets)
        self._assembly = assemble(self.linkage, self.scope, self._handlers)

    async def serve(self, stop: asyncio.Event) -> int:
        """Start the services, run until `stop` is set, drain, and return the exit code."""
        if self._assembly is None:
            self.build()
        assert self._assembly is not None
        self.scope.loop = asyncio.get_running_loop()
        began = time.monotonic()
        selection = self._selection
        supervisor = Supervisor(
            self._assembly.runnables, self.linkage.graph, selection.wanted, selection.elsewhere
        )
        self.supervisor = supervisor
        if self._on_budget is not None:
            self._on_budget(supervisor.budget)
        elif selection.left_out:
            log.info("left out of this process: %s", ", ".join(map(str, selection.left_out)))
        if not supervisor.children:
            log.warning("nothing runs: no entry has 'lifecycle: {auto_start: true}'")
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.result():
            self._ready(time.monotonic() - began)
            await stopping
        stopping.cancel()
        if supervisor.start_failed is not None:
            log.error("%s", supervisor.start_failed)
        await self._stop(supervisor)
        await starting
        return supervisor.exit_code

    async def _stop(self, supervisor: Supervisor) -> None:
        began = time.monotonic()
        log.info("stopping")
        await supervisor.stop()
        code = supervisor.exit_code
        log.info("stopped in %s, exit code %d", format_duration(time.monotonic() - began), code)

    def forget(self) -> None:
        """Drop the modules of the handlers, for programs that load many applications."""
        self._handlers.forget()

    def _ready(self, took: float) -> None:
        assert self.supervisor is not None
        children = self.supervisor.children.values()
        addresses = [child.where for child in children if child.stage is Stage.SERVER]
        if self._on_ready is not None:
            self._on_ready(addresses)
            return
        where = f": {', '.join(addresses)}" if addresses else ""
        log.info("ready in %s%s", format_duration(took), where)
