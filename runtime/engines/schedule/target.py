"""Target: what a schedule does at each planned time: publish a message, or call a function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Protocol

from runtime.codec import encode
from runtime.engines.queue.arguments import Arguments
from runtime.engines.queue.error_text import describe
from runtime.engines.queue.fired import Fired
from runtime.engines.queue.queue import Queue
from runtime.engines.schedule.tally import ScheduleTally
from runtime.engines.schedule.times import shown
from runtime.handlers.context import Background
from runtime.handlers.function import Function
from runtime.loggers import logger

SCHEDULE = "x_schedule"
"""The header with the id of the schedule that published a message."""
PLANNED = "x_scheduled_time"
"""The header with the planned time, `2026-11-28T02:30:00Z`."""

log = logger("runtime.schedule")


class Target(Protocol):
    async def fire(self, at: float) -> Fired:
        """Do the work of the planned time `at`. Raises Full and Unavailable: try again."""
        ...

    async def last_fired(self) -> float | None:
        """The latest planned time that was fired by any program, as far as that is remembered."""
        ...

    async def finished(self) -> None:
        """Wait for the work in progress."""
        ...

    async def finish(self) -> None:
        """Wait for the work in progress, and cancel it if the wait is cancelled."""
        ...


class QueueTarget:
    """Publishes a message for each planned time."""

    def __init__(self, schedule: str, queue: Queue, body: bytes, overlap: bool) -> None:
        self._schedule = schedule
        self._queue = queue
        self.body = body
        self._overlap = overlap

    async def fire(self, at: float) -> Fired:
        headers = {SCHEDULE: self._schedule, PLANNED: shown(at)}
        return await self._queue.fire(self._schedule, at, self.body, headers, overlap=self._overlap)

    async def last_fired(self) -> float | None:
        return await self._queue.scheduled.last_fired(self._schedule)

    async def finished(self) -> None:
        """There is none: the message is published."""

    async def finish(self) -> None:
        """There is none."""


class Run(Background):
    """One call of a schedule's function: the subject of that call."""

    def __init__(self, schedule: str, at: float) -> None:
        self.schedule = schedule
        self.at = at
        """The planned time, in seconds since 1970."""

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"scheduled_time": shown(self.at)}


class FunctionTarget:
    """Calls a function in this process. What it raises is logged, and not tried again."""

    def __init__(
        self,
        schedule: str,
        function: Function,
        body: Any,
        overlap: bool,
        arguments: Arguments | None = None,
        tally: ScheduleTally | None = None,
    ) -> None:
        """With `arguments`, the function gets what they make of the body; with a `tally`, its
        calls are timed. Raises InvalidBody.
        """
        self._schedule = schedule
        self._call_function = self._calling(function, body, arguments)
        self._overlap = overlap
        self._tally = tally
        self._runs: set[asyncio.Task[None]] = set()
        self._last: float | None = None

    async def fire(self, at: float) -> Fired:
        self._last = at
        if self._runs and not self._overlap:
            return Fired.OVERLAPPED
        run = asyncio.create_task(self._call(at))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return Fired.HERE

    async def last_fired(self) -> float | None:
        return self._last

    async def finished(self) -> None:
        while self._runs:
            await asyncio.wait(self._runs)

    async def finish(self) -> None:
        runs = [*self._runs]
        try:
            if runs:
                await asyncio.wait(runs)
        finally:
            for run in runs:  # if this was cancelled itself
                run.cancel()

    def _calling(
        self, function: Function, body: Any, arguments: Arguments | None
    ) -> Callable[[Run], Awaitable[Any]]:
        if arguments is not None:
            data, decode, call = encode(body), arguments.decode, arguments.call(function)
            decode(data)
            return lambda run: call(run, decode(data))
        values = (body,) if function.takes_argument else ()
        return lambda run: function.call(run, *values)

    async def _call(self, at: float) -> None:
        began = monotonic()
        try:
            await self._call_function(Run(self._schedule, at))
        except asyncio.CancelledError:
            log.warning(
                "%s: the run of %s did not end in time and is cancelled",
                self._schedule,
                shown(at),
                extra={"entry": self._schedule},
            )
        except BaseException as error:  # sys.exit() ends a handler, not the program
            log.error(
                "%s: the run of %s failed: %s",
                self._schedule,
                shown(at),
                describe(error),
                exc_info=error,
                extra={"entry": self._schedule},
            )
        finally:
            if self._tally is not None:
                self._tally.calls.append(monotonic() - began)
