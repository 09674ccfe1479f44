"""Order: the nodes of each layer, sorted so that few edges cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence

from runtime.engines.management.pages.layout.ranks import Edge

_SWEEPS = 8


def ordered(rank: Mapping[str, int], links: Sequence[Edge]) -> list[list[str]]:
    """The layers; `links` go from one layer to the next. Each node stands at the mean place of its
    neighbours in the layer before, to and fro, and the best of all sweeps is taken.
    """
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name, step in rank.items():
        rows[step].append(name)
    near: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        near[source].append(target)
        near[target].append(source)
    best, least = [row[:] for row in rows], crossings(rows, links)
    for sweep in range(_SWEEPS):
        if least == 0:
            break
        forth = sweep % 2 == 0
        for step in range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1):
            fixed = rows[step - 1] if forth else rows[step + 1]
            place = {name: index for index, name in enumerate(fixed)}
            now = {name: float(index) for index, name in enumerate(rows[step])}
            for name in rows[step]:
                if seen := [place[other] for other in near[name] if other in place]:
                    now[name] = sum(seen) / len(seen)
            rows[step].sort(key=now.__getitem__)
        found = crossings(rows, links)
        if found < least:
            best, least = [row[:] for row in rows], found
    return best


def crossings(rows: Sequence[Sequence[str]], links: Sequence[Edge]) -> int:
    """The number of pairs of links that cross."""
    place = {name: (step, index) for step, row in enumerate(rows) for index, name in enumerate(row)}
    by_step: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for source, target in links:
        by_step[place[source][0]].append((place[source][1], place[target][1]))
    return sum(map(_inversions, by_step.values()))


def _inversions(pairs: list[tuple[int, int]]) -> int:
    """Of links between two layers, those that end in the other order than they begin."""
    ends: list[int] = []
    count = 0
    pairs.sort()
    for _, end in pairs:
        count += len(ends) - bisect_right(ends, end)
        insort(ends, end)
    return count
