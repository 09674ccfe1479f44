"""Processes: long-running or one-shot functions under the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runtime.kind import Ready


class ProcessRun:
    """One run of a process: the subject of its call."""

    def __init__(self, ready: Ready, stop: asyncio.Event) -> None:
        self.ready = ready
        self.asked_to_know = False
        """Whether the process waits for the drain itself; one that does not is cancelled."""
        self._stop = stop

    async def stopping(self) -> None:
        """Return when the drain began."""
        self.asked_to_know = True
        await self._stop.wait()


class Process(Protocol):
    """A function that can be run as a process."""

    @property
    def blocking(self) -> bool:
        """Whether it is a plain `def`, which runs in a thread of its own."""
        ...

    def call(self, run: ProcessRun, *arguments: Any) -> Awaitable[Any]:
        """Run it; what it returns is its exit code. Sets the context of the calling task."""
        ...


class Host(Protocol):
    """Where processes run."""

    def place(self) -> AbstractContextManager[None]:
        """Hold a place for one process. Raises Unavailable if there is none."""
        ...
