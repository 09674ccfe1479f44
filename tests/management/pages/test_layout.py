"""The layout: layers, few crossings, nothing on top of anything else."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from runtime.engines.management.pages.layout.drawing import Box, Drawing, draw
from runtime.engines.management.pages.layout.order import crossings, ordered
from runtime.engines.management.pages.layout.placement import placed
from runtime.engines.management.pages.layout.ranks import ranks, without_circles

SIZE = (184.0, 88.0)


def drawn(edges: dict[tuple[str, str], float], *names: str, down: bool = False) -> Drawing:
    found = dict.fromkeys([*names, *(name for edge in edges for name in edge)], SIZE)
    return draw(found, edges, down=down, gap=26, between=56)


def random_graph(seed: int) -> dict[tuple[str, str], float]:
    choice = random.Random(seed)
    count = choice.randint(2, 60)
    names = [f"n{number}" for number in range(count)]
    return {
        (choice.choice(names), choice.choice(names)): float(choice.randint(0, 3))
        for _ in range(choice.randint(1, count * 2))
    }


@pytest.mark.parametrize("down", [False, True])
def test_no_node_lies_on_another_one(down: bool) -> None:
    for seed in range(40):
        boxes = [*drawn(random_graph(seed), down=down).boxes.values()]
        for index, one in enumerate(boxes):
            assert not any(overlap(one, other) for other in boxes[:index])


def overlap(one: Box, other: Box) -> bool:
    apart = (
        one.x + one.width <= other.x + 0.01
        or other.x + other.width <= one.x + 0.01
        or one.y + one.height <= other.y + 0.01
        or other.y + other.height <= one.y + 0.01
    )
    return not apart


def test_edges_lead_forward_and_circles_are_broken() -> None:
    for seed in range(40):
        edges = random_graph(seed)
        names = [*dict.fromkeys(name for edge in edges for name in edge)]
        kept = without_circles(names, [*edges])
        rank = ranks(names, kept)
        assert {*rank} == {*names}
        assert all(rank[source] < rank[target] for source, target in kept)
        assert {edge for edge in edges if edge[0] == edge[1]}.isdisjoint(kept)


def test_everything_is_within_the_drawing() -> None:
    for seed in range(20):
        drawing = drawn(random_graph(seed))
        assert all(
            box.x >= -0.01
            and box.y >= -0.01
            and box.x + box.width <= drawing.width + 0.01
            and box.y + box.height <= drawing.height + 0.01
            for box in drawing.boxes.values()
        )


def test_no_strip_across_all_layers_is_empty() -> None:
    for seed in range(40):
        edges = random_graph(seed)
        names = [*dict.fromkeys(name for edge in edges for name in edge)]
        rank = ranks(names, without_circles(names, [*edges]))
        sizes = {name: 40.0 + 10 * (number % 5) for number, name in enumerate(names)}
        position = placed(ordered(rank, [*edges]), edges, sizes, 26)

        reached = -26.0
        for name in sorted(names, key=lambda name: position[name] - sizes[name] / 2):
            assert position[name] - sizes[name] / 2 <= reached + 26.01
            reached = max(reached, position[name] + sizes[name] / 2)


def test_the_heaviest_way_is_a_straight_line() -> None:
    stream = ("gateway", "post", "queue", "work", "db")
    edges = dict.fromkeys(pairwise(stream), 3.0)
    drawing = drawn({**edges, ("gateway", "get"): 1.0, ("get", "db"): 1.0, ("migrate", "db"): 0.0})

    assert all(drawing.lines[edge].is_straight for edge in edges)
    assert not drawing.lines["get", "db"].is_straight


def test_on_a_phone_the_main_stream_is_at_the_left() -> None:
    edges = {("gateway", "get"): 1.0, ("gateway", "post"): 3.0, ("post", "queue"): 3.0}
    boxes = drawn(edges, down=True).boxes

    assert round(boxes["post"].x, 3) == round(boxes["gateway"].x, 3) < boxes["get"].x
    assert boxes["gateway"].y < boxes["post"].y == boxes["get"].y


def test_the_order_leaves_no_crossing_that_can_be_undone() -> None:
    links = [("a", "y"), ("b", "x")]
    rows = ordered({"a": 0, "b": 0, "x": 1, "y": 1}, links)

    assert crossings(rows, links) == 0


def test_an_application_without_edges_is_drawn_too() -> None:
    assert {*drawn({}, "db", "other").boxes} == {"db", "other"}
    assert draw({}, {}, gap=26, between=56).boxes == {}
