"""Child: one service under the supervisor: its task, its state, its attempts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from enum import StrEnum

import msgspec

from runtime.service import StartError, Unavailable
from runtime.supervision.spec import ServiceSpec
from runtime.units import format_duration

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


class End(msgspec.Struct, frozen=True):
    """How one run of a service ended: `fault` is None if it ended well."""

    fault: BaseException | None
    was_ready: bool
    seconds: float
    gone: bool = True
    """False if it goes on, although it was cancelled."""


class Child:
    """Runs a service again and again, until it ended well, failed for good, or is stopped."""

    def __init__(self, runnable: ServiceSpec, on_change: Callable[[Child], None]) -> None:
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
        """Start it and return when it is ready, has ended, or is stopped. Raises StartFailed."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.id}")
        await asyncio.shield(self._started)

    async def stop(self, limit: float) -> None:
        """Let it drain, for its `stop_timeout` but at most `limit` seconds; then cancel it."""
        self._stop.set()
        if self._keeper is None or self._keeper.done():
            if self.state is State.WAITING:
                self._become(State.STOPPED)
            return
        self._become(State.STOPPING)
        began = asyncio.get_running_loop().time()
        limit = min(self.lifecycle.stop_timeout, limit)
        await asyncio.wait({self._keeper}, timeout=limit)
        if not self._keeper.done():
            said = "%s did not stop within %s"
            log.error(said, self.id, format_duration(limit), extra={"entry": self.id})
            await self._overrun(self._keeper)
        self._become(State.FAILED if self.overran else State.STOPPED)
        if not self.overran:
            took = format_duration(asyncio.get_running_loop().time() - began)
            log.info("%s has stopped (%s)", self.id, took, extra={"entry": self.id})

    async def _overrun(self, keeper: asyncio.Task[None]) -> None:
        self.overran = True
        if self._run is not None:
            await self._cancel(self._run)
        keeper.cancel()
        await asyncio.wait({keeper}, timeout=GRACE)

    async def _cancel(self, run: asyncio.Task[int | None]) -> bool:
        """Cancel a run; whether it is gone after its grace."""
        run.cancel()
        await asyncio.wait({run}, timeout=GRACE)
        if not run.done():
            log.error("%s goes on and is abandoned", self.id, extra={"entry": self.id})
        return run.done()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        patience = loop.time() + self.lifecycle.start_timeout
        try:
            while not self._stop.is_set():
                self.attempt += 1
                self._become(State.STARTING)
                end = await self._once(patience)
                if end.was_ready and end.seconds > self.lifecycle.stable_threshold:
                    self.attempt = 1
                if self._stop.is_set():
                    self._drained(end)
                elif end.fault is None:
                    self._ended(end)
                    return
                elif not await self._try_again(end, end.fault, patience):
                    return
        finally:
            self._settle(None)  # whoever waits for the start must not wait for ever

    def _drained(self, end: End) -> None:
        if end.fault is not None and not self.overran:
            self._complain(f"failed while it stopped: {_words(end.fault)}", end.fault)

    def _ended(self, end: End) -> None:
        self._become(State.EXITED)
        took = format_duration(end.seconds)
        log.info("%s has ended (%s)", self.id, took, extra={"entry": self.id})

    async def _try_again(self, end: End, fault: BaseException, patience: float) -> bool:
        """Wait until the next attempt; whether there is to be one."""
        policy = self.lifecycle.restart
        now = asyncio.get_running_loop().time()
        starting = not self._started.done()
        last = policy.is_exhausted(self.attempt) or not end.gone
        if starting and (last or now >= patience or not isinstance(fault, Unavailable)):
            self._become(State.FAILED)
            self._settle(StartFailed(self._could_not_start(fault)))
            return False
        if last:
            self.failed_for_good = True
            self._complain(f"failed for good after {self.attempt} attempts: {_words(fault)}", fault)
            self._become(State.FAILED)
            return False
        delay = policy.delay(self.attempt)
        if starting:  # others wait for this one
            delay = min(delay, patience - now)
        self._complain(
            f"failed: {_words(fault)}; it is started again in {format_duration(delay)}", fault
        )
        self._become(State.FAILED)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), delay)
        return True

    async def _once(self, patience: float) -> End:
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
        limit = left = self.lifecycle.start_timeout
        if not self._started.done():  # the last try gets a moment too, to say what is the matter
            left = max(min(GRACE, limit), patience - began)
        either: set[asyncio.Future[None] | asyncio.Task[int | None]] = {run, ready}
        await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if run.done() or ready.done() or self._stop.is_set():
            await asyncio.wait({run})
            return End(_fault(run), ready.done(), loop.time() - began)
        gone = await self._cancel(run)
        if gone:
            _fault(run)  # it counts as seen
        late = StartError(f"it was not ready within {format_duration(limit)}")
        return End(late, False, loop.time() - began, gone)

    def _ready(self, where: str, took: float) -> None:
        self.where = where
        if not self._stop.is_set():
            self._become(State.RUNNING)
            at = f" on {where}" if where else ""
            said = "%s is running%s (%s)"
            log.info(said, self.id, at, format_duration(took), extra={"entry": self.id})
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

    def _could_not_start(self, fault: BaseException) -> str:
        if not isinstance(fault, _QUIET):
            self._complain("could not start", fault)
        return f"{self.id} could not start: {_words(fault)}"

    def _complain(self, said: str, fault: BaseException) -> None:
        trace = None if isinstance(fault, _QUIET) else fault
        log.error("%s %s", self.id, said, exc_info=trace, extra={"entry": self.id})

    def _become(self, state: State) -> None:
        self.state = state
        self._on_change(self)


class NonZeroExit(Exception):
    """A service ended with an exit code other than 0."""


_QUIET = (StartError, Unavailable, NonZeroExit)
"""What is told without a traceback."""


def _fault(run: asyncio.Task[int | None]) -> BaseException | None:
    if run.cancelled():
        return RuntimeError("it was cancelled from outside")
    if (error := run.exception()) is not None:
        return error
    code = run.result()
    return NonZeroExit(f"it ended with exit code {code}") if code else None


def _words(fault: BaseException) -> str:
    try:
        text = str(fault)
    except Exception:  # an exception of the user's with a broken __str__
        text = "an exception without a text"
    return text if isinstance(fault, _QUIET) else f"{type(fault).__name__}: {text}"
