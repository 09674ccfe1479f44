"""Window: the last minute of a counter or a histogram."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

LENGTH = 60.0
"""Seconds that are looked back."""
STEP = 5.0
"""Seconds between two marks."""


class Window:
    """Marks of some numbers that only grow. Times are seconds of any clock."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: deque[tuple[float, tuple[float, ...]]] = deque()

    def mark(self, now: float, numbers: Sequence[float]) -> tuple[float, list[float]]:
        """Note the numbers. Returns the seconds since the oldest mark, and the growth since."""
        marks = self._marks
        if not marks or now - marks[-1][0] >= STEP:
            marks.append((now, tuple(numbers)))
        while len(marks) > 1 and now - marks[1][0] >= LENGTH:
            marks.popleft()
        at, before = marks[0]
        return now - at, [number - old for number, old in zip(numbers, before, strict=True)]


def rate(seconds: float, growth: float) -> float:
    """A second's share of the growth."""
    return round(growth / seconds, 2) if seconds >= 1 else 0.0


def quantile(bounds: Sequence[float], counts: Sequence[float], share: float) -> float | None:
    """The value below which that share of the observations is, as far as the buckets tell.

    None without observations. Of the last bucket, which has no bound, the bound before it.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    seen, lower = 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if seen + count >= wanted:
            return round(lower + (bound - lower) * (wanted - seen) / count, 6)
        seen, lower = seen + count, bound
    return lower
