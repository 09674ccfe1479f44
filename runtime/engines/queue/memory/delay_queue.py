"""DelayQueue: messages that wait until they are due."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from runtime.clock import Clock, Timer
from runtime.engines.queue.message import Message

BATCH = 1000
"""Messages that become due in one turn of the event loop: the others wait for the next turn."""
MARGIN = 0.001
"""Seconds to wait after a timer that fired early: some loops round down to milliseconds, and would
fire again and again until the time has come."""
NEVER = float("inf")


class DelayQueue:
    """A heap by due time with one timer, set for the first message."""

    def __init__(self, deliver: Callable[[Message], None], clock: Clock) -> None:
        """`deliver` is called with each message that is due."""
        self._deliver = deliver
        self._now = clock.monotonic
        self._time = clock.time
        self._call_later = clock.call_later
        self.heap: list[tuple[float, int, Message]] = []
        self._numbers = count()  # messages due at the same time keep their order
        self._timer: Timer | None = None
        self._timer_due = NEVER

    def __len__(self) -> int:
        return len(self.heap)

    def add(self, message: Message, delay: float) -> None:
        """Deliver the message after `delay` seconds, never before."""
        due = self._now() + delay
        heappush(self.heap, (due, next(self._numbers), message))
        if due < self._timer_due:
            self._set_timer()

    def remove(self, message: Message) -> float:
        """Remove a message, which must be there. Returns the seconds that are left of its delay."""
        index = next(i for i, entry in enumerate(self.heap) if entry[2] is message)
        due = self.heap.pop(index)[0]
        heapify(self.heap)
        return max(0.0, due - self._now())

    def time_of(self, due: float) -> float:
        """A due time of the heap in seconds since 1970."""
        return self._time() + due - self._now()

    def _set_timer(self, margin: float = 0.0) -> None:
        """Set the timer for the first message, on the event loop that is running."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_due = None, NEVER
        if self.heap:
            self._timer_due = self.heap[0][0]
            wait = max(margin, self._timer_due - self._now())
            self._timer = self._call_later(wait, self._release)

    def _release(self) -> None:
        now = self._now()
        is_early = bool(self.heap) and self.heap[0][0] > now
        for _ in range(BATCH):
            if not self.heap or self.heap[0][0] > now:
                break
            self._deliver(heappop(self.heap)[2])
        self._set_timer(MARGIN if is_early else 0.0)
