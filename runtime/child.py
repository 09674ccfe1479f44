"""Child: one service under the supervisor: its task, its state, its attempts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from runtime.assembly import Runnable
from runtime.kind import StartError, Unavailable
from runtime.quantity import spoken

log = logging.getLogger("runtime.supervisor")

GRACE = 0.5
"""Seconds that a cancelled service has to give back what it holds."""


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    EXITED = "exited"
    FAILED = "failed"


class StartFailed(Exception):
    """A service did not get ready at the first start. The text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class End:
    """How one run of a service ended: `fault` is None if it ended well."""

    fault: BaseException | None
    was_ready: bool
    seconds: float


class Child:
    """Runs a service again and again, until it ended well, failed for good, or is stopped."""

    def __init__(self, runnable: Runnable, on_change: Callable[[Child], None]) -> None:
        self.id = runnable.id
        self.stage = runnable.stage
        self.lifecycle = runnable.lifecycle
        self.state = State.WAITING
        self.attempt = 0
        self.where = ""
        """What the service said when it got ready: an address, a file."""
        self.failed_for_good = False
        self.overran = False
        """Whether it had to be cancelled, or abandoned, when it was stopped."""
        self._service = runnable.service
        self._on_change = on_change
        self._stop = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._run: asyncio.Task[int | None] | None = None
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        """Whether it runs, or will be tried again."""
        return self.state not in (State.WAITING, State.STOPPED, State.EXITED) and not (
            self.failed_for_good
        )

    async def start(self) -> None:
        """Start it and return when it is ready. Raises StartFailed."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.id}")
        await asyncio.shield(self._started)

    async def stop(self, limit: float) -> None:
        """Let it drain, for its `stop_timeout` but at most `limit` seconds; then cancel it."""
        self._stop.set()
        if self._keeper is None or self._keeper.done():
            if self.state in (State.WAITING, State.RUNNING):
                self._become(State.STOPPED)
            return
        self._become(State.STOPPING)
        await asyncio.wait({self._keeper}, timeout=min(self.lifecycle.stop_timeout, limit))
        if not self._keeper.done():
            await self._overrun()
        self._become(State.FAILED if self.overran else State.STOPPED)

    async def _overrun(self) -> None:
        self.overran = True
        name = "%s did not stop within %s"
        log.error(name, self.id, spoken(self.lifecycle.stop_timeout), extra={"entry": self.id})
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait({self._run}, timeout=GRACE)
            if not self._run.done():
                log.error("%s is abandoned", self.id, extra={"entry": self.id})
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=GRACE)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        patience = loop.time() + self.lifecycle.start_timeout
        while True:
            self.attempt += 1
            self._become(State.STARTING)
            end = await self._once()
            if end.was_ready and end.seconds > self.lifecycle.stable_threshold:
                self.attempt = 1
            if self._stop.is_set():
                self._settle(None)
                return
            if end.fault is None:
                self._ended(end)
                return
            if not self._started.done() and not self._worth_waiting(end, patience):
                self._become(State.FAILED)
                self._settle(StartFailed(_start_failed(self, end.fault)))
                return
            if not await self._pause(end, patience):
                return

    def _worth_waiting(self, end: End, patience: float) -> bool:
        """Whether a start that failed may succeed soon: something is only not there yet."""
        return isinstance(end.fault, Unavailable) and (
            asyncio.get_running_loop().time() < patience
            and not self.lifecycle.restart.spent(self.attempt)
        )

    def _ended(self, end: End) -> None:
        self._become(State.EXITED)
        took = spoken(end.seconds)
        log.info("%s has ended (%s)", self.id, took, extra={"entry": self.id})
        self._settle(None)

    async def _pause(self, end: End, patience: float) -> bool:
        """Wait until the next attempt; whether there is to be one."""
        policy = self.lifecycle.restart
        self._become(State.FAILED)
        fault = None if isinstance(end.fault, _QUIET) else end.fault
        why = _words(end.fault)
        if policy.spent(self.attempt):
            self.failed_for_good = True
            said = "%s failed for good after %d attempts: %s"
            log.error(said, self.id, self.attempt, why, exc_info=fault, extra={"entry": self.id})
            self._become(State.FAILED)
            return False
        delay = policy.delay(self.attempt)
        if not self._started.done():  # others wait for this one
            delay = min(delay, max(0.0, patience - asyncio.get_running_loop().time()))
        said = "%s failed: %s; it is started again in %s"
        log.error(said, self.id, why, spoken(delay), exc_info=fault, extra={"entry": self.id})
        try:
            await asyncio.wait_for(self._stop.wait(), delay)
        except TimeoutError:
            return True
        self._settle(None)
        return False

    async def _once(self) -> End:
        loop = asyncio.get_running_loop()
        began = loop.time()
        ready: asyncio.Future[None] = loop.create_future()

        def mark_ready(where: str = "") -> None:
            if not ready.done():
                ready.set_result(None)
                self._ready(where, loop.time() - began)

        run = self._run = asyncio.create_task(
            self._service.run(mark_ready, self._stop), name=str(self.id)
        )
        wait: set[asyncio.Future[None] | asyncio.Task[int | None]] = {run, ready}
        limit = self.lifecycle.start_timeout
        await asyncio.wait(wait, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        fault: BaseException | None = None
        if not run.done() and not ready.done() and not self._stop.is_set():
            run.cancel()
            await asyncio.wait({run}, timeout=GRACE)
            fault = StartError(f"it was not ready within {spoken(limit)}")
        else:
            await asyncio.wait({run})
            fault = _fault(run)
        return End(fault, ready.done(), loop.time() - began)

    def _ready(self, where: str, took: float) -> None:
        self.where = where
        if not self._stop.is_set():
            self._become(State.RUNNING)
        at = f" on {where}" if where else ""
        said = "%s is running%s (%s)"
        log.info(said, self.id, at, spoken(took), extra={"entry": self.id})
        self._settle(None)

    def _settle(self, error: Exception | None) -> None:
        """The first start is over, one way or the other."""
        if self._started.done():
            return
        if error is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(error)
            self._started.exception()  # it counts as seen, should nobody wait any more

    def _become(self, state: State) -> None:
        self.state = state
        self._on_change(self)


class ExitCode(Exception):
    """A process ended with a code other than 0."""


_QUIET = (StartError, Unavailable, ExitCode)
"""What is told without a traceback."""


def _fault(run: asyncio.Task[int | None]) -> BaseException | None:
    if run.cancelled():
        return RuntimeError("it was cancelled from outside")
    if (error := run.exception()) is not None:
        return error
    code = run.result()
    return ExitCode(f"it ended with exit code {code}") if code else None


def _words(fault: BaseException | None) -> str:
    return str(fault) if isinstance(fault, _QUIET) else f"{type(fault).__name__}: {fault}"


def _start_failed(child: Child, fault: BaseException) -> str:
    if not isinstance(fault, _QUIET):
        log.error("%s could not start", child.id, exc_info=fault, extra={"entry": child.id})
    return f"{child.id} could not start: {_words(fault)}"
