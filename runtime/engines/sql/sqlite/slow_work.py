"""SlowWork: what took too long on the event loop, and is left to a thread for a while."""

from __future__ import annotations

from collections.abc import Hashable

LONG = 0.00025
"""Seconds from which on a run was a long one."""
STRIKES = 3
"""Long runs in a row that make it slow: on a busy machine some wait for the processor."""
PASSES = 64
"""Runs in a thread before the loop tries again."""
REMEMBERED = 512


class SlowWork:
    """Remembers the latest long runs by what was run: the text of a statement, or a function."""

    def __init__(self) -> None:
        self._strikes: dict[Hashable, int] = {}
        self._passes: dict[Hashable, int] = {}

    def record(self, key: Hashable, seconds: float) -> None:
        """Record a run on the loop."""
        if seconds < LONG:
            if self._strikes:
                self._strikes.pop(key, None)
            return
        strikes = self._strikes.pop(key, 0) + 1
        if strikes < STRIKES:
            _remember(self._strikes, key, strikes)
        else:
            _remember(self._passes, key, PASSES)

    def is_slow(self, key: Hashable) -> bool:
        """True for what a thread should run; each such answer counts as a run in a thread."""
        if key not in self._passes:
            return False
        left = self._passes.pop(key) - 1
        if left > 0:
            _remember(self._passes, key, left)
        return True


def _remember(values: dict[Hashable, int], key: Hashable, value: int) -> None:
    values[key] = value
    if len(values) > REMEMBERED:
        del values[next(iter(values))]
