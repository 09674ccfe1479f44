"""The graph: orders and cycles."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from runtime.linking.graph import Graph


def test_needs_come_first_then_rank_then_the_order_given() -> None:
    graph = Graph({"server": ["db"], "z": [], "a": [], "db": [], "worker": ["db", "a"]})

    assert graph.order() == ["z", "a", "db", "server", "worker"]
    assert graph.order(lambda node: node == "z") == ["a", "db", "server", "worker", "z"]


@pytest.mark.parametrize("seed", range(20))
def test_every_order_keeps_needs_before_what_needs_them(seed: int) -> None:
    chance = random.Random(seed)
    nodes = list(range(60))
    needs = {node: chance.sample(range(node), min(node, chance.randrange(4))) for node in nodes}
    shuffled = chance.sample(nodes, len(nodes))

    order = Graph({node: needs[node] for node in shuffled}).order(lambda node: node % 3)

    place = {node: index for index, node in enumerate(order)}
    assert sorted(order) == nodes
    assert all(place[other] < place[node] for node in nodes for other in needs[node])


def test_nodes_in_a_cycle_or_that_need_one_are_in_no_order() -> None:
    graph = Graph({"a": ["b"], "b": ["a"], "c": ["a"], "d": []})

    assert graph.order() == ["d"]


@pytest.mark.parametrize(
    ("needs", "cycles"),
    [
        ({"a": [], "b": ["a"]}, []),
        ({"a": ["a"]}, [["a", "a"]]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, [["b", "c", "b"]]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}, [["a", "b", "a"], ["c", "d", "c"]]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
    ],
)
def test_cycles_are_paths_that_end_where_they_began(
    needs: dict[str, list[str]], cycles: list[list[str]]
) -> None:
    assert Graph(needs).cycles() == cycles


@pytest.mark.parametrize("seed", range(30))
def test_there_is_a_cycle_exactly_if_an_order_leaves_something_out(seed: int) -> None:
    chance = random.Random(seed)
    nodes = range(12)
    graph = Graph({node: chance.sample(nodes, chance.randrange(2)) for node in nodes})

    cycles = graph.cycles()

    assert bool(cycles) == (len(graph.order()) < len(nodes))
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(b in graph.needs[a] for a, b in pairwise(cycle))


def test_the_cycles_of_a_dense_graph_are_few_enough_to_read() -> None:
    nodes = range(100)

    assert len(Graph({node: [n for n in nodes if n != node] for node in nodes}).cycles()) < 100


def test_a_long_chain_is_no_trouble() -> None:
    many = 50_000
    graph = Graph({node: [node + 1] if node + 1 < many else [] for node in range(many)})

    assert graph.order() == list(reversed(range(many)))
    assert graph.cycles() == []
    assert len(graph.reach([0])) == many


def test_reach_goes_both_ways() -> None:
    graph = Graph({"db": [], "q": [], "worker": ["db", "q"], "server": ["db"]})

    assert graph.reach(["worker"]) == {"worker", "db", "q"}
    assert graph.reach(["db"], dependents=True) == {"db", "worker", "server"}


def test_a_wish_that_would_close_a_cycle_is_not_granted() -> None:
    graph = Graph({"handler": [], "driver": ["service"], "service": ["handler"], "other": []})

    extended = graph.extend({"handler": ["driver", "other"], "other": []})

    assert extended.needs == {**graph.needs, "handler": ("other",)}
    assert len(extended.order()) == 4


@pytest.mark.parametrize("seed", range(20))
def test_wishes_leave_no_cycle_and_keep_all_needs(seed: int) -> None:
    chance = random.Random(seed)
    nodes = list(range(30))
    graph = Graph({node: chance.sample(range(node), min(node, 2)) for node in nodes})

    extended = graph.extend({node: chance.sample(nodes, 1) for node in nodes})

    assert len(extended.order()) == len(nodes)
    assert all({*graph.needs[node]} <= {*extended.needs[node]} for node in nodes)
