"""Backoff: the delay before the next attempt, which grows from one failure to the next."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential backoff: `initial_delay * backoff_factor ** n`, capped, then jittered.

    Delays are in seconds. The blocks `restart` of a lifecycle and `retry` of a queue have these
    fields.
    """

    initial_delay: float = 1.0
    max_delay: float = 90.0
    backoff_factor: float = 2.0
    jitter: float = 0.1
    """Largest deviation to either side, as a fraction of the delay."""

    def delay(self, attempt: int, random: Callable[[], float] = random.random) -> float:
        """Seconds to wait after attempt number `attempt`, from 1, has failed.

        `random` returns a number from 0 to below 1, which places the delay within the jitter.
        """
        try:
            grown = self.initial_delay * self.backoff_factor ** (attempt - 1)
        except OverflowError:
            grown = self.max_delay
        return float(min(grown, self.max_delay) * (1 + self.jitter * (2 * random() - 1)))
