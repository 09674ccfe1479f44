"""Prefork: several processes of one application under a parent that replaces those that end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from socket import socket
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime.application.selection import Selection
from runtime.engines.management.listener import LONG_START, Listener, Settings
from runtime.engines.management.snapshot import Snapshot
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.handlers.threads import call_threadsafe
from runtime.linking.link import LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.loggers import logger
from runtime.program.exit import EXIT_MARGIN, crash_guard
from runtime.program.prefork_reloading import PreforkReloading
from runtime.program.service_manager import ServiceManager
from runtime.program.signals import Signals
from runtime.program.worker_process import WorkerProcess
from runtime.service import StartError
from runtime.units import format_duration

if TYPE_CHECKING:
    from runtime.engines.management.outlook import Outlook
    from runtime.log.log import Log

log = logger("runtime.workers")

KILL_MARGIN = 2 * EXIT_MARGIN
"""Seconds over its budget after which a worker is killed. It should have exited on its own."""


def open_sockets(
    linked: LinkedManifest, selection: Selection, count: int
) -> dict[EntryId, Sequence[socket]]:
    """Open the listening sockets of the workers, one for each worker. Raises StartError."""
    sockets: dict[EntryId, Sequence[socket]] = {}
    for id in selection.running(linked):
        link = linked.links[id]
        if link.kind.bind is not None:
            try:
                sockets[id] = link.kind.bind(LinkedEntry(linked.links, link), count)
            except StartError as error:
                raise StartError(f"{id} could not start: {error}") from None
    return sockets


class Prefork:
    """Starts the first worker, then the others, and replaces each that ends until it is stopped.

    The parent keeps all sockets open: a client in the accept queue of a worker that died is
    accepted by another. If a worker ends before it was ever ready, all of them stop.
    """

    def __init__(
        self,
        count: int,
        sockets: Mapping[EntryId, Sequence[socket]],
        application: tuple[LinkedManifest, Callable[[], tuple[LinkedManifest, Selection]]],
        management: Settings | None,
        outlook: Callable[[], Outlook],
        lines: Log,
    ) -> None:
        """`application` is the manifest that the workers run, and what reads it again. With
        `management`, this process tells how all of them are, and shows the `outlook` and the
        lines of this process and of theirs.
        """
        self._sockets = sockets
        self._management = management
        self._outlook = outlook
        self._log = lines
        self._began = time.time()
        self._ready = False
        self._manager = ServiceManager.take(os.environ)
        self._listener: Listener | None = None
        # Nothing is written to this pipe. However the parent ends, the workers then read its end.
        self._liveness, self._parent_end = os.pipe()
        self._stop = asyncio.Event()
        self._workers = [self._worker(number) for number in range(1, count + 1)]
        self._reloading = PreforkReloading(self._workers, sockets, self._manager, *application)

    def _worker(self, number: int) -> WorkerProcess:
        """The worker of this number. Its own socket comes first among those of each entry."""
        descriptors = {}
        for id, opened in self._sockets.items():
            others = [each.fileno() for each in opened]
            descriptors[str(id)] = [others.pop(number - 1), *others]
        return WorkerProcess(number, self._liveness, descriptors, self._stop)

    def run(self, signals: Signals) -> int:
        """Run until a signal arrives or a worker cannot start, and return the exit code."""
        loop = asyncio.new_event_loop()
        if self._management is not None:
            self._listener = self._listen(self._management, loop)
        signals.drain_with(lambda: call_threadsafe(loop, self._stop.set), self._budget, self._kill)
        signals.reload_with(lambda: call_threadsafe(loop, self._reloading.ask))
        self._manager.watch(loop)
        with crash_guard(self._kill):
            code = loop.run_until_complete(self._serve())
        if self._listener is not None:
            self._listener.stop()
        loop.close()
        return code

    def _listen(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> Listener:
        from runtime.engines.management.traces.traces import Traces
        from runtime.program.management import parent_snapshot  # it can be off
        from runtime.program.prefork_source import PreforkSource

        def itself() -> Snapshot:
            state = "running" if self._ready else "starting"
            return replace(
                parent_snapshot(
                    settings.folder, self._began, "stopping" if self._stop.is_set() else state
                ),
                refused=tuple(map(self._log.redact, self._reloading.refused)),
                refusals=self._reloading.refusals,
            )

        links = [worker.link for worker in self._workers]
        outlook, traces = self._outlook, Traces(str(settings.folder))
        traces.lines.redact = self._log.redact
        self._log.taps.append(traces.lines.tap)
        for number, link in enumerate(links, 1):
            link.on_traces = partial(traces.merge, worker=number)

        own = self._reloading.operations()

        def source() -> PreforkSource:
            return PreforkSource(links, loop, itself, outlook(), own, traces)

        listener = Listener(settings, source)
        loop.call_later(LONG_START, listener.start)
        return listener

    async def _serve(self) -> int:
        began = time.monotonic()
        first, *others = self._workers
        tasks = [self._run(first)]
        await self._unless_stopped(first.ready.wait())
        if not self._stop.is_set():
            tasks += [self._run(worker) for worker in others]
            for worker in others:
                await self._unless_stopped(worker.ready.wait())
        if not self._stop.is_set():
            where = f": {', '.join(first.addresses)}" if first.addresses else ""
            took = format_duration(time.monotonic() - began)
            self._ready = True
            if self._listener is not None:
                self._listener.start()
            self._manager.ready()
            log.info("ready in %s with %d workers%s", took, len(self._workers), where)
        reloading = asyncio.create_task(self._reloading.follow())
        await self._stop.wait()
        reloading.cancel()
        return await self._drain(tasks)

    def _run(self, worker: WorkerProcess) -> asyncio.Task[None]:
        task = asyncio.create_task(worker.run())
        task.add_done_callback(lambda _: self._stop.set())
        return task

    async def _drain(self, tasks: list[asyncio.Task[None]]) -> int:
        log.info("stopping")
        self._manager.stopping(self._budget() + EXIT_MARGIN)
        began = time.monotonic()
        for opened in chain.from_iterable(self._sockets.values()):
            opened.close()
        for worker in self._workers:
            worker.drain()
        _, late = await asyncio.wait(tasks, timeout=self._budget())
        if late:
            self._kill()
            await asyncio.wait(tasks)
        for task in tasks:
            task.result()
        code = overall_exit_code([worker.exit_code for worker in self._workers])
        log.info("stopped in %s, exit code %d", format_duration(time.monotonic() - began), code)
        return code

    async def _unless_stopped(self, event: Awaitable[object]) -> None:
        waiting = [asyncio.ensure_future(event), asyncio.create_task(self._stop.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _budget(self) -> float:
        return max(worker.budget for worker in self._workers) + KILL_MARGIN

    def _kill(self) -> None:
        for worker in self._workers:
            worker.kill()


def overall_exit_code(codes: Collection[int]) -> int:
    """The exit code of all workers: 4, else 5, else 6, else the highest."""
    ranked = (ExitCode.START_FAILED, ExitCode.SERVICE_FAILED, ExitCode.STOP_TIMED_OUT)
    return next((code for code in ranked if code in codes), max(codes, default=0))
