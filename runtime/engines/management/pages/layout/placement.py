"""Placement: the middle of each node across its layer, near its neighbours and on no other one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from runtime.engines.management.pages.layout.ranks import Edge

_TURNS = 40
_HARDEST = 1000.0
"""By so much a node of a heavy edge is harder to move than one of the next weight."""


def placed(
    rows: Sequence[Sequence[str]],
    weights: Mapping[Edge, float],
    sizes: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """The positions, from 0; `sizes` are those across the layer."""
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    heaviest: dict[str, float] = defaultdict(float)
    for (source, target), weight in weights.items():
        near[source].append((target, weight))
        near[target].append((source, weight))
        heaviest[source] = max(heaviest[source], weight)
        heaviest[target] = max(heaviest[target], weight)
    straight = streams(weights)
    streaming = {name for stream in straight for name in stream}
    mass = {name: _HARDEST ** heaviest[name] for name in sizes}
    position: dict[str, float] = {}
    for row in rows:
        at = 0.0
        for name in row:
            position[name] = at + sizes[name] / 2
            at += sizes[name] + gap
    for turn in range(_TURNS):
        for stream in straight:
            middle = sum(position[name] for name in stream) / len(stream)
            for name in stream:
                position[name] = middle
        wish = dict(position)
        for name, others in near.items():
            if name not in streaming:
                whole = sum(weight + 0.01 for _, weight in others)
                pull = sum(position[other] * (weight + 0.01) for other, weight in others)
                wish[name] = pull / whole
        for row in rows if turn % 2 == 0 else reversed(rows):
            _part(row, wish, sizes, gap, mass, position)
    return _closed(position, sizes, gap)


def _closed(
    position: Mapping[str, float], sizes: Mapping[str, float], gap: float
) -> dict[str, float]:
    """The same from 0, with nothing across all layers that is empty and wider than a gap."""
    starts = {name: at - sizes[name] / 2 for name, at in position.items()}
    closed: dict[str, float] = {}
    less = min(starts.values(), default=0.0)
    end = less
    for name in sorted(starts, key=starts.__getitem__):
        less += max(0.0, starts[name] - end - gap)
        closed[name] = position[name] - less
        end = max(end, starts[name] + sizes[name])
    return closed


def streams(weights: Mapping[Edge, float]) -> list[list[str]]:
    """Ways along which each next edge is the heaviest of both its ends: to be drawn straight."""
    most: dict[str, float] = defaultdict(float)
    for (source, target), weight in weights.items():
        most[source] = max(most[source], weight)
        most[target] = max(most[target], weight)
    after: dict[str, str] = {}
    before: dict[str, str] = {}
    for source, target in sorted(weights, key=lambda link: -weights[link]):
        is_heaviest = weights[source, target] >= max(most[source], most[target]) > 0
        if is_heaviest and source not in after and target not in before:
            after[source], before[target] = target, source
    found = []
    for name in [name for name in after if name not in before]:
        stream = [name]
        while stream[-1] in after:
            stream.append(after[stream[-1]])
        found.append(stream)
    return found


def _part(
    row: Sequence[str],
    wish: Mapping[str, float],
    sizes: Mapping[str, float],
    gap: float,
    mass: Mapping[str, float],
    position: dict[str, float],
) -> None:
    """As near to the wishes as the gaps allow: nodes that touch move together, the light more."""
    blocks: list[tuple[int, float, float, float]] = []
    for index, name in enumerate(row):
        whole, heavy = sizes[name], mass[name]
        first, pull = index, heavy * (wish[name] - whole / 2)
        while blocks:
            # Their sums are kept, so that a block grows without looking at its nodes again.
            left_first, left_pull, left_heavy, left_whole = blocks[-1]
            if left_pull / left_heavy + left_whole + gap <= pull / heavy + 0.001:
                break
            blocks.pop()
            first, pull = left_first, left_pull + pull - heavy * (left_whole + gap)
            heavy, whole = left_heavy + heavy, left_whole + gap + whole
        blocks.append((first, pull, heavy, whole))
    ends = [*(first for first, *_ in blocks[1:]), len(row)]
    for (first, pull, heavy, _), end in zip(blocks, ends, strict=True):
        at = pull / heavy
        for name in row[first:end]:
            position[name] = at + sizes[name] / 2
            at += sizes[name] + gap
