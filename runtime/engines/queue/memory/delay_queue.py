"""Delayed: messages that wait for their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic

from runtime.engines.queue.message import Message

BATCH = 1000
"""How many messages become due in one turn of the event loop: the rest must wait a turn."""
NEVER = float("inf")


class DelayQueue:
    """A heap by due time with one timer, set for the first of them."""

    def __init__(self, due: Callable[[Message], None]) -> None:
        self._due = due
        self.heap: list[tuple[float, int, Message]] = []
        self._numbers = count()  # equal times: as they came
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = NEVER

    def __len__(self) -> int:
        return len(self.heap)

    def add(self, message: Message, delay: float) -> None:
        """Hand the message to `due` after `delay` seconds, never before."""
        time = monotonic() + delay
        heappush(self.heap, (time, next(self._numbers), message))
        if time < self._wakes_at:
            self.arm()

    def arm(self) -> None:
        """Set the timer anew, on the loop that runs now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, NEVER
        if self.heap:
            self._wakes_at = self.heap[0][0]
            # Loops count in milliseconds, some round down: without the margin, a timer would
            # fire just before its time, and again, and again.
            wait = max(0.0, self._wakes_at - monotonic()) + 0.001
            self._timer = asyncio.get_running_loop().call_later(wait, self._release)

    def _release(self) -> None:
        now = monotonic()
        for _ in range(BATCH):
            if not self.heap or self.heap[0][0] > now:
                break
            self._due(heappop(self.heap)[2])
        self.arm()
