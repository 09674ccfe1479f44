"""Ranks: the layer of every node, and the edges without those that close a circle."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

Edge = tuple[str, str]


def without_circles(names: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """The edges, but those that lead back to where one came from; each once."""
    after: dict[str, list[str]] = defaultdict(list)
    for edge in dict.fromkeys(edges):
        after[edge[0]].append(edge[1])
    kept: list[Edge] = []
    done: set[str] = set()
    for start in names:
        if start in done:
            continue
        path = {start}
        branches = [(start, iter(after[start]))]
        while branches:
            name, rest = branches[-1]
            target = next(rest, None)
            if target is None:
                branches.pop()
                path.discard(name)
                done.add(name)
            elif target not in path:
                kept.append((name, target))
                if target not in done:
                    path.add(target)
                    branches.append((target, iter(after[target])))
    return kept


def ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way from a source; then sources as near to what they lead to as they can be."""
    after: dict[str, list[str]] = defaultdict(list)
    before: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    found: dict[str, int] = {}
    waiting = {name: len(before[name]) for name in names}
    ready = deque(name for name in names if not waiting[name])
    while ready:
        name = ready.popleft()
        found[name] = 1 + max((found[other] for other in before[name]), default=-1)
        for other in after[name]:
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    for name in names:
        if not before[name] and after[name]:
            found[name] = min(found[other] for other in after[name]) - 1
    return found
