"""FakeClock: a clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any

from runtime.clock import Clock


class FakeTimer:
    """A callback that is due at a moment of the fake clock."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callable[[], Any]) -> None:
        self.due = due
        self.callback: Callable[[], Any] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class FakeClock:
    """Stands still until `advance` is called. Hand `clock` to what is tested.

    Both readings move together; `time` starts at `now`, `monotonic` at 0. A timer of no seconds
    fires in the next turn of the event loop, without `advance`.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._start = now
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._numbers = itertools.count()
        self.clock = Clock(time=self.time, monotonic=self.monotonic, call_later=self.call_later)

    def time(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> FakeTimer:
        timer = FakeTimer(self._elapsed + max(seconds, 0), callback)
        if seconds <= 0:
            asyncio.get_running_loop().call_soon(timer.fire)
        else:
            heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    @property
    def timers(self) -> int:
        """The number of timers that are neither fired nor cancelled."""
        return sum(timer.callback is not None for _, _, timer in self._timers)

    @property
    def next_due(self) -> float | None:
        """Seconds until the next timer is due; None if there is none."""
        self._drop_cancelled()
        return self._timers[0][0] - self._elapsed if self._timers else None

    def shift(self, seconds: float) -> None:
        """Move `time` alone, as when the wall clock is set; no timer fires."""
        self._start += seconds

    async def advance(self, seconds: float) -> None:
        """Move on by so many seconds; each timer that is due on the way fires at its own moment.

        The event loop runs between two timers, so that what a timer starts may set the next one.
        It does not wait for threads: wait for an event of the code under test where one is at work.
        """
        target = self._elapsed + seconds
        await _let_the_loop_run()
        while True:
            self._drop_cancelled()
            if not self._timers or self._timers[0][0] > target:
                break
            due, _, timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, due)
            timer.fire()
            await _let_the_loop_run()
        self._elapsed = target
        await _let_the_loop_run()

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)


async def _let_the_loop_run() -> None:
    for _ in range(10):  # a callback that wakes a task that sets an event that wakes another
        await asyncio.sleep(0)
