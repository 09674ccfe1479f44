"""VirtualClock: a clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from runtime.clock import Clock

_TURNS = 10
"""Turns of the loop within which a callback wakes a task that sets an event that wakes another."""


async def let_the_loop_run() -> None:
    """Let what has been woken run, and what that wakes."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class VirtualTimer:
    """A callback that is due at a moment of the clock."""

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


class VirtualClock:
    """Hand `clock` to what is tested. `time` starts at `now`, `monotonic` at 0; both move together.

    A timer of no seconds fires in the next turn of the event loop. The times may be read by any
    thread; all else belongs to one event loop.
    """

    def __init__(
        self,
        now: float,
        moving: Callable[[float], Awaitable[object]] | None = None,
        look: float = 60.0,
    ) -> None:
        """`now` in seconds since 1970. `moving(seconds)` is awaited with each move of the clock,
        before what is due then. `look` is that of the clock: infinite if nobody calls `shift`.
        """
        self._start = now
        self._moving = moving
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._numbers = itertools.count()
        self.clock = Clock(
            time=self.time, monotonic=self.monotonic, call_later=self.call_later, look=look
        )

    def time(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> VirtualTimer:
        timer = VirtualTimer(self._elapsed + max(seconds, 0), callback)
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
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] - self._elapsed if self._timers else None

    def shift(self, seconds: float) -> None:
        """Move `time` alone, as when the wall clock is set; no timer fires."""
        self._start += seconds

    async def advance(
        self, seconds: float, settled: Callable[[], Awaitable[object]] = let_the_loop_run
    ) -> None:
        """Move on by so many seconds; each timer that is due on the way fires at its own moment.

        `settled()` is awaited before, after each of these moments, and at the end: by default, the
        event loop runs for a few turns, which is not enough where threads are at work.
        """
        target = self._elapsed + seconds
        await settled()
        while (wait := self.next_due) is not None and self._elapsed + wait <= target:
            await self._move(self._elapsed + wait)
            await settled()
        if target > self._elapsed:
            await self._move(target)
            await settled()

    async def _move(self, to: float) -> None:
        """Move to a moment, and fire the timers that are due then."""
        distance, self._elapsed = to - self._elapsed, to
        if self._moving is not None and distance > 0:
            await self._moving(distance)
        while self._timers and self._timers[0][0] <= to:
            heapq.heappop(self._timers)[2].fire()
