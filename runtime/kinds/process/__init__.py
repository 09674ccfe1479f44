"""Processes: long-running or one-shot functions under the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runtime.clock import REAL, Clock, wait_for
from runtime.handlers.context import Background
from runtime.kind import Ready, StartError


class ProcessRun(Background):
    """One run of a process: the subject of its call."""

    def __init__(self, number: int, ready: Ready, stop: asyncio.Event, clock: Clock = REAL) -> None:
        self.number = number
        """Counts the starts of its service, from 1."""
        self.ready = ready
        self.awaits_stop = False
        """True once the process waits for the stop, to end by itself; any other is cancelled."""
        self._stop = stop
        self._clock = clock
        self._waits = asyncio.Event()
        self._alive = clock.monotonic()

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {"run": self.number}

    async def stopping(self, timeout: float | None = None) -> bool:
        """Return True when the application begins to stop, False after `timeout` seconds."""
        self.awaits_stop = True
        self._waits.set()
        try:
            if timeout is None:
                return await self._stop.wait()
            return await wait_for(self._stop, timeout, self._clock)
        finally:
            self._waits.clear()

    def alive(self) -> None:
        """Note that the process is at work; may be called by any thread."""
        self._alive = self._clock.monotonic()

    async def silent(self, limit: float) -> None:
        """Return once it was not heard of for `limit` seconds."""
        never = asyncio.Event()
        while (left := self._alive + limit - self._clock.monotonic()) > 0:
            await wait_for(never, left, self._clock)

    async def idle(self) -> None:
        """Wait until it waits for the stop, if it ever did; any other is always at work."""
        if self.awaits_stop:
            await self._waits.wait()


class Process(Protocol):
    """A function that can run as a process."""

    @property
    def blocking(self) -> bool:
        """True for a plain `def`, which runs in a thread of its own."""
        ...

    def call(self, run: ProcessRun, *arguments: Any) -> Awaitable[Any]:
        """Run it and return its exit code. Sets the current call of the calling task."""
        ...


class Host(Protocol):
    """Limits how many processes run at once."""

    def slot(self) -> AbstractContextManager[None]:
        """Occupy the slot of one process. Raises Unavailable if all are taken."""
        ...


def exit_code(result: object) -> int:
    """The exit code that a function's result means. Raises StartError if it is none."""
    if result is None:
        return 0
    if isinstance(result, int) and not isinstance(result, bool):
        return result
    raise StartError(f"it returned {result!r}, which is not an exit code; return 0 or nothing")
