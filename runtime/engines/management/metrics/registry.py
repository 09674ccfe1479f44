"""Registry: the counters and histograms of one process, and their frozen copy."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable

from runtime.engines.management.metrics.family import FAMILIES, Metrics, Row

MOST = 2000
"""Series of a family. Those beyond it are counted together, with `other` for each label."""


class Histogram:
    """Observations, counted by upper bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, values: Iterable[float]) -> None:
        # Sorted, and looked at once for each bound: thousands come at a time.
        ordered = sorted(values)
        self.total += sum(ordered)
        below = 0
        for place, bound in enumerate(self.bounds):
            if below == len(ordered):
                return
            until = bisect_right(ordered, bound, below)
            self.counts[place] += until - below
            below = until
        self.counts[-1] += len(ordered) - below

    def add(self, counts: Iterable[int], total: float) -> None:
        """Add what another has observed."""
        self.counts = [mine + other for mine, other in zip(self.counts, counts, strict=True)]
        self.total += total


class Registry:
    """Belongs to one thread; what `read` returns may go to others."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._histograms: dict[str, dict[tuple[str, ...], Histogram]] = {}
        self._frozen: dict[str, tuple[Row, ...]] = {}
        self._changed: set[str] = set()

    def add(self, name: str, labels: tuple[str, ...], amount: float = 1) -> None:
        """Add to a counter."""
        values = self._values.setdefault(name, {})
        key = _admit(values, labels)
        values[key] = values.get(key, 0) + amount
        self._changed.add(name)

    def histogram(self, name: str, labels: tuple[str, ...]) -> Histogram:
        """A histogram, which is to be changed at once."""
        found = self._histograms.setdefault(name, {})
        key = _admit(found, labels)
        if key not in found:
            found[key] = Histogram(FAMILIES[name].bounds)
        self._changed.add(name)
        return found[key]

    def merge(self, metrics: Metrics) -> None:
        """Add the counters and histograms of another process."""
        for name, rows in metrics.items():
            for row in rows:
                if row.counts:
                    self.histogram(name, row.labels).add(row.counts, row.value)
                else:
                    self.add(name, row.labels, row.value)

    def read(self) -> Metrics:
        """A copy that never changes."""
        if not self._changed:
            return self._frozen
        self._frozen = dict(self._frozen)
        for name in self._changed:
            if name in self._values:
                values = self._values[name].items()
                self._frozen[name] = tuple(Row(labels, value) for labels, value in values)
            else:
                found = self._histograms[name].items()
                self._frozen[name] = tuple(
                    Row(labels, each.total, tuple(each.counts)) for labels, each in found
                )
        self._changed.clear()
        return self._frozen


def _admit(found: Collection[tuple[str, ...]], labels: tuple[str, ...]) -> tuple[str, ...]:
    if labels in found or len(found) < MOST:
        return labels
    return ("other",) * len(labels)
