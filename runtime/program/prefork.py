"""Workers: several processes of one application under a parent, which replaces those that end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain

from runtime.application.selection import Selection
from runtime.backoff import Backoff
from runtime.entry_id import EntryId
from runtime.linking.kind_check import LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.program.signals import MARGIN, TWICE, Signals, exit_now
from runtime.program.worker_env import WorkerEnvironment
from runtime.service import StartError
from runtime.units import format_duration

log = logging.getLogger("runtime.workers")

COULD_NOT_START = 4
GRACE = 2 * MARGIN
"""Seconds over its budget after which a worker is killed; by then it should have ended itself."""
STABLE = 5.0
"""Seconds after which the end of a worker counts as its first."""


def bound(
    linkage: LinkedManifest, selection: Selection, count: int
) -> dict[EntryId, Sequence[socket.socket]]:
    """Open what the workers are to serve, a socket for each. Raises StartError."""
    sockets: dict[EntryId, Sequence[socket.socket]] = {}
    for id in selection.running(linkage):
        link = linkage.links[id]
        if link.kind.bind is not None:
            try:
                sockets[id] = link.kind.bind(LinkedEntry(linkage.links, link), count)
            except StartError as error:
                raise StartError(f"{id} could not start: {error}") from None
    return sockets


class Prefork:
    """Starts the first worker, then the others, and keeps their number until it is told to stop.

    The sockets stay open here, whatever becomes of a worker: who waits in the line of one that
    died is taken by another. Ends for good if a worker ends before it was ever ready.
    """

    def __init__(self, count: int, sockets: Mapping[EntryId, Sequence[socket.socket]]) -> None:
        self._sockets = sockets
        # Nothing is ever written: the workers see its end, however this process dies.
        self._parent, self._alive = os.pipe()
        self._stop = asyncio.Event()
        self._workers = [self._worker(number) for number in range(1, count + 1)]

    def _worker(self, number: int) -> WorkerProcess:
        """The worker of this number, whose own socket is the first of each entry's."""
        descriptors = {}
        for id, opened in self._sockets.items():
            others = [each.fileno() for each in opened]
            descriptors[str(id)] = [others.pop(number - 1), *others]
        return WorkerProcess(number, self._parent, descriptors, self._stop)

    def run(self, signals: Signals) -> int:
        """Until a signal, or a worker that cannot start; the exit code."""
        loop = asyncio.new_event_loop()

        def drain() -> None:
            with suppress(RuntimeError):  # the loop is closed: all is drained
                loop.call_soon_threadsafe(self._stop.set)

        signals.drain_with(drain, self._budget, self._kill)
        try:
            code = loop.run_until_complete(self._serve())
        except Exception:
            log.exception("unexpected error of the runtime; please report it")
            self._kill()
            exit_now(1)
        loop.close()
        return code

    async def _serve(self) -> int:
        began = time.monotonic()
        first, *further = self._workers
        keepers = [self._keep(first)]
        await self._unless_stopped(first.ready.wait())
        if not self._stop.is_set():
            keepers += [self._keep(worker) for worker in further]
            for worker in further:
                await self._unless_stopped(worker.ready.wait())
        if not self._stop.is_set():
            where = f": {', '.join(first.addresses)}" if first.addresses else ""
            took = format_duration(time.monotonic() - began)
            log.info("ready in %s with %d workers%s", took, len(self._workers), where)
        await self._stop.wait()
        return await self._drain(keepers)

    def _keep(self, worker: WorkerProcess) -> asyncio.Task[None]:
        task = asyncio.create_task(worker.keep())
        task.add_done_callback(lambda _: self._stop.set())
        return task

    async def _drain(self, keepers: list[asyncio.Task[None]]) -> int:
        log.info("stopping")
        began = time.monotonic()
        for opened in chain.from_iterable(self._sockets.values()):
            opened.close()
        for worker in self._workers:
            worker.drain()
        _, late = await asyncio.wait(keepers, timeout=self._budget())
        if late:
            for worker in self._workers:
                worker.kill()
            await asyncio.wait(keepers)
        for keeper in keepers:
            keeper.result()
        code = combined(worker.code for worker in self._workers)
        log.info("stopped in %s, exit code %d", format_duration(time.monotonic() - began), code)
        return code

    async def _unless_stopped(self, event: Awaitable[object]) -> None:
        waiting = [asyncio.ensure_future(event), asyncio.create_task(self._stop.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _budget(self) -> float:
        return max(worker.budget for worker in self._workers) + GRACE

    def _kill(self) -> None:
        for worker in self._workers:
            worker.kill()


class WorkerProcess:
    """One place among the workers: a process, and when that has ended the next one."""

    def __init__(
        self, number: int, parent: int, sockets: Mapping[str, Sequence[int]], stop: asyncio.Event
    ) -> None:
        self.ready = asyncio.Event()
        """Set once its first process is ready, or a later one if that was killed."""
        self.addresses: list[str] = []
        self.budget = 0.0
        """Seconds that a stop may take; a process that has not said so yet ends at once."""
        self.code = 0
        """The exit code that its last process stands for."""
        self._number = number
        self._parent = parent
        self._sockets = sockets
        self._stop = stop
        self._process: asyncio.subprocess.Process | None = None
        self._asked = False
        self._policy = Backoff()

    async def keep(self) -> None:
        """Keep a process in this place until the stop. Returns early if none was ever ready."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while not self._stop.is_set():
            attempt += 1
            began = loop.time()
            how = await self._once()
            if self._stop.is_set():
                return
            if self.code and not self.ready.is_set():
                said = "worker %d %s; it was never ready, so all stop"
                log.error(said, self._number, how)
                return
            if loop.time() - began > STABLE:
                attempt = 1
            delay = self._policy.delay(attempt)
            log.error(
                "worker %d %s; it is replaced in %s", self._number, how, format_duration(delay)
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)

    def drain(self) -> None:
        """Tell the process to stop, once: it would take a second word for `at once`."""
        if self._process is not None and not self._asked:
            self._asked = True
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, if there is one."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Not by the process object, which would look whether it has ended, and keep that to itself.
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _once(self) -> str:
        """Run one process to its end, and say how it ended."""
        try:
            self._process, reports = await self._spawn()
        except OSError as error:  # no descriptor, no memory, no process more for this user
            self.code = COULD_NOT_START
            return f"cannot be started: {error.strerror or error}"
        self._asked = False
        if self._stop.is_set():
            self.drain()
        hearing = asyncio.create_task(self._hear(reports, self._process.pid))
        ended = await self._process.wait()
        pid, self._process = self._process.pid, None
        hearing.cancel()
        await asyncio.wait({hearing})
        self.code = self._meaning(ended)
        return f"(pid {pid}) {_words(ended)}"

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, int]:
        """The command line of this program once more, as a worker, and where it reports to."""
        reports, writing = os.pipe()
        membership = WorkerEnvironment(self._number, writing, self._parent, self._sockets)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *sys.orig_argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **membership.variable()},
                pass_fds=membership.descriptors,
                start_new_session=True,  # a terminal's Ctrl-C would come twice
            )
        except OSError:
            os.close(reports)
            raise
        finally:
            os.close(writing)
        return process, reports

    async def _hear(self, reports: int, pid: int) -> None:
        """Take what the process reports."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reports, "rb", 0)
        )
        try:
            async for line in reader:
                match line.decode().split():
                    case ["budget", seconds]:
                        self.budget = float(seconds)
                    case ["ready", *addresses]:
                        self.addresses = addresses
                        said = "is back" if self.ready.is_set() else "is running"
                        log.info("worker %d (pid %d) %s", self._number, pid, said)
                        self.ready.set()
        finally:
            transport.close()

    def _meaning(self, ended: int) -> int:
        """The exit code that stands for the end of a process, which may be by a signal."""
        if ended >= 0:
            return ended
        # Before it has its signals in hand, SIGTERM ends it as it ends any program.
        return 0 if not self._asked or -ended == signal.SIGTERM else TWICE


def combined(codes: Iterable[int]) -> int:
    """The exit code of all: 4, then 5, then 6, then whatever is not 0."""
    ends = {*codes}
    return next(
        (code for code in (COULD_NOT_START, 5, TWICE) if code in ends), max(ends, default=0)
    )


def _words(ended: int) -> str:
    if ended >= 0:
        return f"ended with exit code {ended}"
    try:
        return f"was ended by {signal.Signals(-ended).name}"
    except ValueError:
        return f"was ended by signal {-ended}"
