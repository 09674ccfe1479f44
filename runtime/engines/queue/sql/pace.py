"""Pace: the number of messages that a consumer begins within a moment."""

from __future__ import annotations

from collections.abc import Callable

MOMENT = 0.05
"""Seconds. What is claimed ahead is what is likely to be begun within so many: what waits longer is
better left to consumers that are idle, and to messages of a higher priority.
"""


class Pace:
    """Measured by what is finished, so that claims ahead follow the duration of the tasks."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives seconds of a monotonic clock."""
        self.finished = 0
        """Messages since the measurement began; the subscription counts."""
        self._now = now
        self._since = now()
        self._measured = False
        self._latest = 0.0

    def restart(self) -> None:
        """Forget what was measured: the consumer was idle since."""
        self.finished = 0
        self._since = self._now()
        self._measured = False
        self._latest = 0.0

    def messages(self) -> float:
        """The number that is begun within a moment; 0 until the first one is finished."""
        now = self._now()
        elapsed = now - self._since
        if elapsed >= MOMENT:
            self._latest = self.finished * MOMENT / elapsed
            self._measured = True
            self._since, self.finished = now, 0
        elif not self._measured and self.finished:
            self._latest = self.finished * MOMENT / elapsed if elapsed else float("inf")
        return self._latest
