"""Tally: counts of what a schedule does, for whoever adds them up."""

from __future__ import annotations

from collections import Counter


class ScheduleTally:
    """The planned times of one schedule since they were taken last. Belongs to one event loop."""

    __slots__ = ("calls", "late", "missed")

    def __init__(self) -> None:
        self.late: list[float] = []
        """Of each time that this program fired, the seconds by which it was late."""
        self.missed: Counter[str] = Counter()
        """Times that were not fired, by the reason: `overlap`, or `late` for those left out."""
        self.calls: list[float] = []
        """Seconds of each call of the schedule's function."""

    def take(self) -> tuple[list[float], Counter[str], list[float]]:
        """All of it; it begins anew."""
        taken = self.late, self.missed, self.calls
        self.late, self.missed, self.calls = [], Counter(), []
        return taken
