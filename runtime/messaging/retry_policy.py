"""Retry policy: how long a message waits after a failed attempt."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Growing delays, in seconds: `initial_delay * backoff_factor ** n`, capped, then jittered."""

    initial_delay: float = 1.0
    max_delay: float = 300.0
    backoff_factor: float = 2.0
    jitter: float = 0.2
    """By how much a delay may differ to either side, as a share of it."""

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait after attempt number `attempt`, from 1; `random` gives 0 to below 1."""
        try:
            grown = self.initial_delay * self.backoff_factor ** (attempt - 1)
        except OverflowError:
            grown = self.max_delay
        return min(grown, self.max_delay) * (1 + self.jitter * (2 * random() - 1))
