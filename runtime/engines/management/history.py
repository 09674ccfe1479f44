"""History: the last quarter of an hour of an application's figures, for charts."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence

from runtime.engines.management.snapshot import Snapshot

STEP = 5.0
"""Seconds of one point."""
POINTS = 180
"""Points of a series. An older one is forgotten: 180 numbers are 1.4 KB."""
STATES = {"running": 0.0, "exited": 0.0, "stopped": 0.0, "failed": 2.0}
"""The states of services as a series has them; 1 for those on their way to one."""


class History:
    """Series of points by name, fed with snapshots. In memory: they begin with the program.

    It is written by one thread; a reader of another one gets copies.
    """

    def __init__(self) -> None:
        self._series: dict[str, array[float]] = {}
        self._ends = 0.0
        self._peaks: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        """The first value of each series; the peak of its first step may be above it."""
        self.since: float | None = None
        """The time of the first snapshot, in seconds since 1970; None before it."""

    def note(self, snapshot: Snapshot, now: float) -> None:
        """Take the figures of a snapshot; of those within one step, each series has the largest.

        `now` is in seconds since 1970. A series that is gone from the snapshots is forgotten when
        its last point is.
        """
        if self.since is None:
            self.since, self._ends = now, now + STEP
        if now >= self._ends:
            steps = 1 + int((now - self._ends) / STEP)
            self._close(steps)
            self._ends += STEP * steps
        peaks = self._peaks
        for name, value in _figures(snapshot):
            known = peaks.get(name)
            if known is None or not known >= value:
                peaks[name] = value
                if known is None and name not in self._series:
                    self._begun[name] = value

    def values(self, name: str) -> Sequence[float]:
        """The points of a series, the oldest first; NaN where there was no snapshot."""
        return (self._series.get(name) or array("d"))[:]

    def peak(self, name: str) -> float:
        """The largest point of a series; 0 if there is none."""
        return max((value for value in self.values(name) if value == value), default=0.0)

    def gained(self, name: str, now: float | None = None) -> float:
        """The sum of the rises of a series that counts: what was added in its time, and until the
        value `now`.
        """
        known = [value for value in self.values(name) if value == value]
        if len(self._series.get(name, ())) < POINTS and name in self._begun:
            known.insert(0, self._begun[name])
        if now is not None:
            known.append(now)
        rises = (max(0.0, b - a) for a, b in itertools.pairwise(known))
        return sum(rises)

    def __len__(self) -> int:
        return len(self._series)

    def _close(self, steps: int) -> None:
        """End a step, and those that passed without a snapshot."""
        peaks, self._peaks = self._peaks, {}
        for name in [*self._series]:
            if name not in peaks:
                peaks[name] = math.nan
        for name, value in peaks.items():
            points = self._series.get(name)
            if points is None:
                points = self._series[name] = array("d")
            points.append(value)
            for _ in range(min(steps - 1, POINTS)):
                points.append(math.nan)
            del points[:-POINTS]
            if all(point != point for point in points):
                del self._series[name]
                self._begun.pop(name, None)


def _figures(snapshot: Snapshot) -> Iterator[tuple[str, float]]:
    """The figures of a snapshot by the names of their series."""
    yield "lag", max(snapshot.lag.now, snapshot.blocked.seconds if snapshot.blocked else 0.0)
    endpoints, queues = snapshot.endpoints, snapshot.queues
    yield "http.rate", sum(each.rate for each in endpoints)
    yield "http.p95", max((each.p95 for each in endpoints if each.p95 is not None), default=0.0)
    yield "http.failed", sum(each.failed_15m for each in endpoints)
    if any(each.ready is not None for each in queues):
        yield "waiting", sum((each.ready or 0) + (each.delayed or 0) for each in queues)
        yield "dead", sum(each.dead or 0 for each in queues)
    yield "done", sum(each.out_rate for each in queues)
    for queue in queues:
        if queue.ready is None:
            continue
        yield f"ready {queue.id}", (queue.ready or 0) + (queue.delayed or 0)
        yield f"in {queue.id}", queue.in_rate
        yield f"out {queue.id}", queue.out_rate
        yield f"dead {queue.id}", queue.dead or 0
    for endpoint in endpoints:
        yield f"rate {endpoint.id}", endpoint.rate
    for service in snapshot.services:
        yield f"state {service.id}", STATES.get(service.state, 1.0)
