"""BackgroundLoop: an event loop in a thread of its own, and calls to it from others."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from runtime.handlers.place import line_of
from runtime.program.loop import cancel_remaining_tasks, complete, new_loop, report

T = TypeVar("T")

MARGIN = 1.0
"""Seconds that a coroutine which limits itself may take longer."""


class LoopBlocked(TimeoutError):
    """A handler keeps the event loop of the application to itself."""


class BackgroundLoop:
    """Runs coroutines for other threads, until `close`."""

    def __init__(self, name: str) -> None:
        self.loop = new_loop()
        self.loop.set_exception_handler(report)
        self._stop = asyncio.Event()
        self._stuck = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float) -> T:
        """The result of a coroutine, which ends itself within `limit` seconds.

        Raises what it raises, and LoopBlocked if the loop does not even begin or end it.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result(limit + MARGIN)
        except concurrent.futures.TimeoutError:
            if future.done():  # it raised a TimeoutError of its own
                raise
            future.cancel()
            raise self.blocked() from None

    def call(self, function: Callable[[], T], limit: float) -> T:
        """The result of a function that is called on the loop. Raises as `run` does."""

        async def call() -> T:
            return function()

        return self.run(call(), limit)

    def blocked(self) -> LoopBlocked:
        """The error that names the line which keeps the loop."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return LoopBlocked(f"the event loop is held by {line_of(frame)}; all else waits for it")

    def close(self) -> bool:
        """Cancel what still runs, and end the thread. False if something does not end."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self.thread.join(5.0)
        if self.thread.is_alive():
            return False
        self.loop.close()
        return not self._stuck

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        complete(self.loop, self._until_stopped())
        self._stuck = complete(self.loop, cancel_remaining_tasks(self.loop))

    async def _until_stopped(self) -> None:
        await self._stop.wait()
