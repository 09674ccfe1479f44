"""Verdict: the last third of a soak beside the first, after the warm-up, with the noise of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, variance

from benchmarks.soak.look import Look

WARM_UP, WARM_UP_AT_MOST = 0.25, 20 * 60.0
"""What is left out while caches and pools fill, and the kept messages come to be as many as they
will be: a share of the time, and seconds at most."""
BLOCKS = 5
"""Looks follow each other closely, so noise is taken from the medians of so many parts."""

GROWTH, SLOPE = 1.5, 1.0
"""MiB of memory, and MiB an hour, of which one must not be exceeded."""
THREADS = 2
"""Those of a plain `def` begin on demand, and end when they were idle for a minute."""
DRIFT = 1.2
WAL = 64.0
LATE = 30.0
"""Seconds in which a task that was accepted is done, its retries and its requeue included."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must not grow, or must not be."""

    what: str
    first: float | None
    last: float
    noise: float
    allowed: str
    good: bool

    def __str__(self) -> str:
        first = "" if self.first is None else f"{self.first:.1f} → "
        noise = f" ± {self.noise:.1f}" if self.noise else ""
        found = f"{first}{self.last:.1f}{noise}"
        return f"{self.what:<28} {found:<28} {self.allowed:<36} {'ok' if self.good else 'BAD'}"


def verdict(looks: Sequence[Look]) -> list[Line]:
    """A line for each thing. Raises ValueError if there are too few looks."""
    steady = [look for look in looks if look.seconds >= warm_up(looks[-1].seconds)]
    if len(steady) < 6:
        raise ValueError(f"{len(steady)} looks after the warm-up are too few for a verdict")
    part = len(steady) // 3
    first, last = steady[:part], steady[-part:]
    hours = (last[0].seconds - first[0].seconds) / 3600
    memory = max(GROWTH, SLOPE * hours)

    def grows(
        what: str, of: Callable[[Look], float], allowed: Callable[[float], float], text: str
    ) -> Line:
        before, after = median(map(of, first)), median(map(of, last))
        noise = 2 * (_error(first, of) + _error(last, of)) ** 0.5
        return Line(what, before, after, noise, text, after - noise <= before + allowed(before))

    def at_most(what: str, most: float, limit: float) -> Line:
        return Line(what, None, most, 0.0, f"at most {limit:g}", most <= limit)

    def drift(before: float) -> float:
        return before * (DRIFT - 1)

    final = looks[-1]
    return [
        grows("memory, MiB", lambda look: look.rss, lambda _: memory, f"{memory:.1f} more"),
        grows("descriptors", lambda look: look.descriptors, lambda _: 4, "4 more"),
        grows("threads", lambda look: look.threads, lambda _: THREADS, f"{THREADS} more"),
        grows("processes", lambda look: look.processes, lambda _: 0, "none more"),
        grows("journal, MiB", lambda look: look.wal, lambda _: 4, "4.0 more"),
        grows("database, MiB", lambda look: look.database, _tenth, "a tenth and 1.0 more"),
        grows("messages kept", lambda look: look.kept, lambda n: _tenth(n) + 100, "a tenth more"),
        grows("messages waiting", lambda look: look.waiting, lambda _: 50, "50 more"),
        grows("dead letters", lambda look: look.dead, lambda _: 50, "50 more"),
        grows("p50, ms", lambda look: look.p50, drift, f"× {DRIFT:g}"),
        grows("p99, ms", lambda look: look.p99, drift, f"× {DRIFT:g}"),
        grows("reload, ms", lambda look: look.reload, drift, f"× {DRIFT:g}"),
        at_most("journal at most, MiB", max(look.wal for look in steady), WAL),
        at_most("oldest open task, s", max(look.oldest for look in looks), LATE),
        at_most("tasks done twice", final.twice, 0),
        at_most("failures", final.failures, 0),
    ]


def warm_up(seconds: float) -> float:
    return min(WARM_UP * seconds, WARM_UP_AT_MOST)


def _tenth(value: float) -> float:
    return value * 0.1 + 1


def _error(looks: Sequence[Look], of: Callable[[Look], float]) -> float:
    """The square of the standard error of the median, from the medians of the parts."""
    count = min(BLOCKS, len(looks))
    edges = [len(looks) * n // count for n in range(count + 1)]
    medians = [median(map(of, looks[a:b])) for a, b in pairwise(edges)]
    return variance(medians) / count if count > 1 else 0.0
