"""RateLimiter: at most so many of something a second."""

from __future__ import annotations

from math import inf
from time import monotonic


class RateLimiter:
    """Admits the first ones of each second."""

    __slots__ = ("_left", "_until", "rate")

    def __init__(self, rate: float = inf) -> None:
        self.rate = rate
        """The number that each second has; it counts from the next second on."""
        self._left = rate
        self._until = 0.0

    def admits(self) -> bool:
        """True for one that may pass, which then counts."""
        now = monotonic()
        if now >= self._until:
            self._until, self._left = now + 1.0, self.rate
        self._left -= 1
        return self._left >= 0
