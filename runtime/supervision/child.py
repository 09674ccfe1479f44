"""Child: one service under the supervisor: its task, its state, its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec

from runtime.clock import REAL, Clock, wait_for
from runtime.loggers import logger
from runtime.service import StartError, Unavailable
from runtime.supervision.spec import ServiceSpec
from runtime.units import format_duration

log = logger("runtime.supervisor")

GRACE = 0.5
"""Seconds that a cancelled service has for its cleanup."""


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    EXITED = "exited"
    FAILED = "failed"


class StartFailed(Exception):
    """A service was not ready after its first start. The text is one line for the operator."""


class NonZeroExit(Exception):
    """A service ended with an exit code other than 0."""


class RunResult(msgspec.Struct, frozen=True):
    """The outcome of one run of a service: `error` is None if it ended well."""

    error: BaseException | None
    was_ready: bool
    seconds: float
    ended: bool = True
    """False if the run goes on although it was cancelled."""


class Child:
    """Runs a service, and restarts it until it ends well, fails for good, or is stopped.

    Restarts are delayed by `clock`; the time-outs of start and stop are real time.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        on_change: Callable[[Child], None],
        clock: Clock = REAL,
        *,
        has_run: bool = False,
    ) -> None:
        """With `has_run`, the service did run before: no failure to start is final for it."""
        self.id = spec.id
        self.stage = spec.stage
        self.lifecycle = spec.lifecycle
        self.spec = spec
        self.state = State.WAITING
        self.since = clock.time()
        """When it came to be in this state, in seconds since 1970."""
        self.attempt = 0
        self.restarts = 0
        """The number of times that it was started again after a failure."""
        self.error: str | None = None
        """The text of the last failure; None once it is ready again."""
        self.where = ""
        """The text that the service passed to `ready`: an address, a file."""
        self.failed_for_good = False
        self.overran = False
        """True if it had to be cancelled when it was stopped."""
        self.abandoned = False
        """True if a run goes on although it was cancelled. The service must not run again."""
        self._on_change = on_change
        self._clock = clock
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._run: asyncio.Task[int | None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if has_run:
            self._finish_start(None)

    @property
    def alive(self) -> bool:
        """True while it runs or is to be restarted."""
        return self._task is not None and not self._task.done()

    def stays_with(self, spec: ServiceSpec) -> bool:
        """True if it is neither to be replaced by a service of `spec` nor to be started again."""
        settled = self.state is State.EXITED or self.abandoned
        alive = self.alive and self.state is not State.STOPPING
        return self.spec.service is spec.service and (settled or alive)

    def revise(self, spec: ServiceSpec) -> None:
        """Go on with the same service by another lifecycle."""
        self.spec, self.lifecycle = spec, spec.lifecycle

    async def start(self) -> None:
        """Start it and return once it is ready, has ended, or is stopped. Raises StartFailed."""
        self._task = asyncio.create_task(self._supervise(), name=f"supervision of {self.id}")
        await asyncio.shield(self._started)

    async def stop(self, limit: float) -> None:
        """Let it drain for its `stop_timeout`, at most `limit` seconds; then cancel it.

        Returns once it has stopped. Called again meanwhile, waits for the stop that goes on.
        """
        self._stop.set()
        if self._stopping is None:
            if self._task is None or self._task.done():
                if self.state is State.WAITING:
                    self._set_state(State.STOPPED)
                return
            self._set_state(State.STOPPING)
            limit = min(self.lifecycle.stop_timeout, limit)
            self._stopping = asyncio.create_task(self._stop_within(self._task, limit))
        await asyncio.shield(self._stopping)

    async def _stop_within(self, task: asyncio.Task[None], limit: float) -> None:
        began = asyncio.get_running_loop().time()
        await asyncio.wait({task}, timeout=limit)
        if not task.done():
            log.error(
                "%s did not stop within %s", self.id, format_duration(limit), extra=self._fields
            )
            self.overran = True
            if self._run is not None:
                await self._cancel(self._run)
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
        self._set_state(State.FAILED if self.overran else State.STOPPED)
        if not self.overran:
            took = format_duration(asyncio.get_running_loop().time() - began)
            log.info("%s has stopped (%s)", self.id, took, extra=self._fields)

    async def _cancel(self, run: asyncio.Task[int | None]) -> bool:
        """Cancel a run. Returns true if it has ended within its grace period."""
        run.cancel()
        await asyncio.wait({run}, timeout=GRACE)
        if not run.done():
            self.abandoned = True
            log.error("%s goes on and is abandoned", self.id, extra=self._fields)
        return run.done()

    async def _supervise(self) -> None:
        start_deadline = asyncio.get_running_loop().time() + self.lifecycle.start_timeout
        try:
            while not self._stop.is_set():
                self.attempt += 1
                self.restarts += self._started.done()
                self._set_state(State.STARTING)
                began = self._clock.monotonic()
                result = await self._run_once(start_deadline)
                lasted = self._clock.monotonic() - began
                if result.was_ready and lasted > self.lifecycle.stable_threshold:
                    self.attempt = 1
                if self._stop.is_set():
                    if result.error is not None and not self.overran:
                        text = f"failed while it stopped: {_describe(result.error)}"
                        self._log_error(text, result.error)
                elif result.error is None:
                    self._set_state(State.EXITED)
                    took = format_duration(result.seconds)
                    log.info("%s has ended (%s)", self.id, took, extra=self._fields)
                    return
                elif not await self._back_off(result, result.error, start_deadline):
                    return
        finally:
            self._finish_start(None)  # the supervisor must not wait for this start for ever

    async def _back_off(
        self, result: RunResult, error: BaseException, start_deadline: float
    ) -> bool:
        """Wait until the next attempt is due. Returns false if there is to be none."""
        now = asyncio.get_running_loop().time()
        starting = not self._started.done()
        last = self.lifecycle.is_exhausted(self.attempt) or not result.ended
        if starting and (last or now >= start_deadline or not isinstance(error, Unavailable)):
            self._set_state(State.FAILED)
            self._finish_start(StartFailed(self._could_not_start(error)))
            return False
        if last:
            self.failed_for_good = True
            text = f"failed for good after {self.attempt} attempts: {_describe(error)}"
            self._log_error(text, error)
            self._set_state(State.FAILED)
            return False
        delay = self.lifecycle.restart.delay(self.attempt)
        if starting:  # other services wait for this one
            delay = min(delay, start_deadline - now)
        shown = format_duration(delay)
        self._log_error(f"failed: {_describe(error)}; it is started again in {shown}", error)
        self._set_state(State.FAILED)
        await wait_for(self._stop, delay, self._clock)
        return True

    async def _run_once(self, start_deadline: float) -> RunResult:
        loop = asyncio.get_running_loop()
        began = loop.time()
        ready: asyncio.Future[None] = loop.create_future()

        def mark_ready(where: str = "") -> None:
            if not ready.done():
                ready.set_result(None)
                self._ready(where, loop.time() - began)

        run = self._run = asyncio.create_task(
            self.spec.service.run(mark_ready, self._stop), name=str(self.id)
        )
        limit = timeout = self.lifecycle.start_timeout
        if not self._started.done():  # the last attempt gets a moment too, to tell its error
            timeout = max(min(GRACE, limit), start_deadline - began)
        either: set[asyncio.Future[None] | asyncio.Task[int | None]] = {run, ready}
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if run.done() or ready.done() or self._stop.is_set():
            await asyncio.wait({run})
            return RunResult(_error_of(run), ready.done(), loop.time() - began)
        ended = await self._cancel(run)
        if ended:
            _error_of(run)  # marks the exception as retrieved
        late = StartError(f"it was not ready within {format_duration(limit)}")
        return RunResult(late, False, loop.time() - began, ended)

    def _ready(self, where: str, took: float) -> None:
        self.where = where
        self.error = None
        if not self._stop.is_set():
            self._set_state(State.RUNNING)
            at = f" on {where}" if where else ""
            shown = format_duration(took)
            log.info("%s is running%s (%s)", self.id, at, shown, extra=self._fields)
        self._finish_start(None)

    def _finish_start(self, error: StartFailed | None) -> None:
        """Let `start` return, or raise `error`."""
        if self._started.done():
            return
        if error is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(error)
            self._started.exception()  # marks it as retrieved, in case `start` was cancelled

    def _could_not_start(self, error: BaseException) -> str:
        if not isinstance(error, _WITHOUT_TRACEBACK):
            self._log_error("could not start", error)
        return f"{self.id} could not start: {_describe(error)}"

    def _log_error(self, text: str, error: BaseException) -> None:
        self.error = _describe(error)
        trace = None if isinstance(error, _WITHOUT_TRACEBACK) else error
        log.error("%s %s", self.id, text, exc_info=trace, extra=self._fields)

    @property
    def _fields(self) -> dict[str, object]:
        return {"entry": self.id}

    def _set_state(self, state: State) -> None:
        self.state = state
        self.since = self._clock.time()
        self._on_change(self)


_WITHOUT_TRACEBACK = (StartError, Unavailable, NonZeroExit)


def _error_of(run: asyncio.Task[int | None]) -> BaseException | None:
    if run.cancelled():
        return RuntimeError("it was cancelled from outside")
    if (error := run.exception()) is not None:
        return error
    code = run.result()
    return NonZeroExit(f"it ended with exit code {code}") if code else None


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an exception of the user's with a broken __str__
        text = "an exception without a text"
    return text if isinstance(error, _WITHOUT_TRACEBACK) else f"{type(error).__name__}: {text}"
