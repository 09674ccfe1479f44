"""Graph: nodes and what each of them needs, their order, and their cycles."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


class Graph(Generic[Node]):
    """Nodes in a given order, and the nodes each of them needs (all of them nodes themselves)."""

    def __init__(self, needs: Mapping[Node, Iterable[Node]]) -> None:
        self.needs: dict[Node, tuple[Node, ...]] = {
            node: tuple(dict.fromkeys(others)) for node, others in needs.items()
        }
        self.needed_by: dict[Node, list[Node]] = {node: [] for node in self.needs}
        for node, others in self.needs.items():
            for other in others:
                self.needed_by[other].append(node)

    def extend(self, wishes: Mapping[Node, Iterable[Node]]) -> Graph[Node]:
        """This graph, which has no cycle, with further needs, except those that close a cycle."""
        whole = Graph({node: (*needs, *wishes.get(node, ())) for node, needs in self.needs.items()})
        ordered = {*whole.order()}
        if len(ordered) == len(whole.needs):
            return whole
        reach = cache(lambda node: whole.reach([node]))
        return Graph(
            {
                node: (*needs, *(to for to in wishes.get(node, ()) if node not in reach(to)))
                if node not in ordered
                else whole.needs[node]
                for node, needs in self.needs.items()
            }
        )

    def order(self, rank: Callable[[Node], Any] = lambda node: 0) -> list[Node]:
        """The nodes, each after what it needs; where that leaves a choice, by rank, then as given.

        Nodes in a cycle, and those that need one, are left out.
        """
        position = {node: index for index, node in enumerate(self.needs)}
        nodes = list(self.needs)
        missing = {node: len(others) for node, others in self.needs.items()}
        free = [(rank(node), position[node]) for node, count in missing.items() if not count]
        heapq.heapify(free)
        ordered = []
        while free:
            node = nodes[heapq.heappop(free)[1]]
            ordered.append(node)
            for dependent in self.needed_by[node]:
                missing[dependent] -= 1
                if not missing[dependent]:
                    heapq.heappush(free, (rank(dependent), position[dependent]))
        return ordered

    def cycles(self) -> list[list[Node]]:
        """Cycles of needs, each as a path that ends where it began; empty if there are none.

        Not all of them, since there may be exponentially many: each has a node that no earlier
        one has.
        """
        done: set[Node] = set()
        in_cycles: set[Node] = set()
        found: list[list[Node]] = []
        for start in self.needs:
            if start in done:
                continue
            path: list[Node] = [start]
            on_path = {start}
            branches = [iter(self.needs[start])]
            while branches:
                following = next(branches[-1], None)
                if following is None:
                    branches.pop()
                    done.add(path[-1])
                    on_path.discard(path.pop())
                elif following in on_path:
                    cycle = path[path.index(following) :]
                    if not in_cycles.issuperset(cycle):
                        in_cycles.update(cycle)
                        found.append([*cycle, following])
                elif following not in done:
                    path.append(following)
                    on_path.add(following)
                    branches.append(iter(self.needs[following]))
        return found

    def reach(self, starts: Iterable[Node], dependents: bool = False) -> set[Node]:
        """The given nodes and all that they need; with `dependents`, all that need them instead."""
        edges: Mapping[Node, Iterable[Node]] = self.needed_by if dependents else self.needs
        reached: set[Node] = set()
        waiting = list(starts)
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting.extend(edges[node])
        return reached
