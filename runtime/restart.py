"""RestartPolicy: how long to wait before a start is tried again."""

from __future__ import annotations

import random

import msgspec


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The `restart` block of an entry; delays in seconds."""

    initial_delay: float = 1.0
    max_delay: float = 90.0
    backoff_factor: float = 2.0
    jitter: float = 0.1
    max_attempts: int = 0
    """How many starts are allowed, the first included; 0 for no end."""

    def delay(self, attempt: int, chance: float | None = None) -> float:
        """Seconds to wait after start number `attempt` failed.

        `chance`, between 0 and 1, decides where in the jitter's range the delay falls.
        """
        try:
            grown = self.initial_delay * self.backoff_factor ** (attempt - 1)
        except OverflowError:
            grown = self.max_delay
        chance = random.random() if chance is None else chance
        return float(min(grown, self.max_delay) * (1 + self.jitter * (2 * chance - 1)))

    def spent(self, attempt: int) -> bool:
        """Whether start number `attempt` was the last one allowed."""
        return 0 < self.max_attempts <= attempt
