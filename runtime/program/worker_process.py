"""WorkerProcess: one worker of several, and its replacement whenever its process ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from runtime.backoff import Backoff
from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.exit_codes import ExitCode, describe_end
from runtime.loggers import logger
from runtime.program.worker_env import WorkerEnvironment
from runtime.program.worker_link import WorkerLink
from runtime.units import format_duration

log = logger("runtime.workers")

STABLE_THRESHOLD = 5.0
"""Seconds after which a process counts as stable: its end is the first failure again."""
_LONGEST = 64 * 1024 * 1024
"""Bytes of a line that a worker may send."""
RESTART = Backoff(initial_delay=1.0, max_delay=90.0, backoff_factor=2.0, jitter=0.1)

_SPACED = ("budget", "ready", "reloaded")
"""Reports whose values are separated by spaces; what follows the others is one text."""


class WorkerProcess:
    """One worker: a process, and after its end the next one."""

    def __init__(
        self, number: int, liveness: int, sockets: Mapping[str, Sequence[int]], stop: asyncio.Event
    ) -> None:
        """`liveness` is the descriptor of a pipe that ends with the parent."""
        self.ready = asyncio.Event()
        """Set once a process of this worker has been ready."""
        self.addresses: list[str] = []
        self.budget = 0.0
        """Seconds that a stop may take, as reported; a process that has not reported needs none."""
        self.exit_code = 0
        """The exit code of the process that ended last; never negative."""
        self._number = number
        self._liveness = liveness
        self._sockets = sockets
        self._stop = stop
        self.link = WorkerLink()
        """Its reports, and the way to ask it."""
        self._process: asyncio.subprocess.Process | None = None
        self._draining = False
        self._reloading: asyncio.Future[bool] | None = None

    async def run(self) -> None:
        """Run a process, and the next one when it ends, until the stop.

        Returns early if a process fails before any was ready.
        """
        loop = asyncio.get_running_loop()
        attempt = 0
        while not self._stop.is_set():
            attempt += 1
            began = loop.time()
            outcome = await self._run_once()
            if self._stop.is_set():
                return
            if self.exit_code and not self.ready.is_set():
                message = "worker %d %s; it was never ready, so all stop"
                log.error(message, self._number, outcome)
                return
            if loop.time() - began > STABLE_THRESHOLD:
                attempt = 1
            delay = RESTART.delay(attempt)
            shown = format_duration(delay)
            log.error("worker %d %s; it is replaced in %s", self._number, outcome, shown)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)

    def drain(self) -> None:
        """Ask the process to stop. Asks only once: a second signal would end it at once."""
        if self._process is not None and not self._draining:
            self._draining = True
            self._signal(signal.SIGTERM)

    async def reload(self, *, force: bool = False) -> bool:
        """Have the process reload. Returns true if it did, or has ended: the next one reads all
        anew. To force it, the process has to be one that can be asked.
        """
        if self._process is None or self._draining:
            return True
        reloading: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._reloading = reloading
        if force:
            with suppress(LoopBlocked, Refused):  # it tells in any case
                await self.link.ask("reload", {"force": True})
        else:
            self._signal(signal.SIGHUP)
        return await reloading

    def kill(self) -> None:
        """Kill the process, if there is one."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Not `process.send_signal`: it polls, and would take the exit status from the loop.
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _run_once(self) -> str:
        """Run one process until it ends. Returns a description of its end for the log."""
        try:
            self._process, reports = await self._spawn()
        except OSError as error:  # out of descriptors, memory, or processes for this user
            self.exit_code = ExitCode.START_FAILED
            return f"cannot be started: {error.strerror or error}"
        self._draining = False
        if self._stop.is_set():
            self.drain()
        reading = asyncio.create_task(self._read_reports(reports, self._process.pid))
        status = await self._process.wait()
        pid, self._process = self._process.pid, None
        self._finish_reload(True)
        reading.cancel()
        await asyncio.wait({reading})
        self.exit_code = self._exit_code_of(status)
        return f"(pid {pid}) {describe_end(status)}"

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        """Run this program's command line as a worker. Returns our end of its channel."""
        ours, theirs = socket.socketpair()
        environment = WorkerEnvironment(
            self._number, theirs.fileno(), self._liveness, self._sockets
        )
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *sys.orig_argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **environment.variable()},
                pass_fds=environment.descriptors,
                start_new_session=True,  # else a terminal's Ctrl-C arrives twice
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return process, ours

    async def _read_reports(self, ours: socket.socket, pid: int) -> None:
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST)
        self.link.open(writer, pid)
        try:
            async for line in reader:
                word, _, text = line.decode().partition(" ")
                match [word, *text.split()] if word in _SPACED else [word, text]:
                    case ["budget", seconds]:
                        self.budget = float(seconds)
                    case ["reloaded", done]:
                        self._finish_reload(done == "yes")
                    case ["ready", *addresses]:
                        self.addresses = addresses
                        state = "is back" if self.ready.is_set() else "is running"
                        log.info("worker %d (pid %d) %s", self._number, pid, state)
                        self.ready.set()
                    case [word, text]:
                        self.link.hear(word, text)
        finally:
            self.link.close()
            writer.close()

    def _finish_reload(self, done: bool) -> None:
        if self._reloading is not None and not self._reloading.done():
            self._reloading.set_result(done)

    def _exit_code_of(self, status: int) -> int:
        """The exit code for a status, which is negative for a process that a signal ended."""
        if status >= 0:
            return status
        # SIGTERM ends a process that has not yet installed its signal handlers.
        clean = not self._draining or -status == signal.SIGTERM
        return ExitCode.OK if clean else ExitCode.STOP_TIMED_OUT
