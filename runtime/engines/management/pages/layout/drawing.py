"""Drawing: the place of every node and the line of every edge of a graph."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from msgspec import Struct

from runtime.engines.management.pages.layout.order import ordered
from runtime.engines.management.pages.layout.placement import placed, streams
from runtime.engines.management.pages.layout.ranks import Edge, ranks, without_circles

_BEND = "\0"
"""Begins the names of the points at which a long edge passes the layers between its ends."""


class Box(Struct, frozen=True):
    """The place of a node."""

    x: float
    y: float
    width: float
    height: float


class Line(Struct, frozen=True):
    """The line of an edge: the `d` of an SVG path, and a good place for its label."""

    path: str
    middle: tuple[float, float]

    @property
    def is_straight(self) -> bool:
        return "C" not in self.path


class Drawing(Struct, frozen=True):
    """A graph with its places. An edge that closes a circle has no line."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: Mapping[Edge, Line]


def draw(
    sizes: Mapping[str, tuple[float, float]],
    weights: Mapping[Edge, float],
    *,
    down: bool = False,
    gap: float,
    between: float,
    lane: float = 8,
) -> Drawing:
    """Draw nodes of the given widths and heights, and edges of the given weights.

    From left to right, or with `down` from top to bottom for narrow screens: then the heaviest
    edges run at one side. `gap` parts the nodes of a layer, `between` the layers; a long edge has a
    `lane` of its own through the layers between its ends, so that it crosses no node.
    """
    names = [*sizes]
    edges = without_circles(names, [*weights])
    rank = ranks(names, edges)
    chains = {edge: _chain(edge, rank) for edge in edges}
    across = {name: size[0] if down else size[1] for name, size in sizes.items()}
    along = {name: size[1] if down else size[0] for name, size in sizes.items()}
    for (source, _), chain in chains.items():
        for step, bend in enumerate(chain[1:-1], rank[source] + 1):
            across[bend], along[bend], rank[bend] = lane, 0.0, step
    links = {
        pair: weights[edge] for edge, chain in chains.items() for pair in itertools.pairwise(chain)
    }
    rows = ordered(rank, [*links])
    if down:
        heaviest = max(links.values(), default=0.0)
        main = {
            name
            for stream in streams(links)
            if links[stream[0], stream[1]] == heaviest
            for name in stream
        }
        rows = [sorted(row, key=lambda name: (name not in main, name[0] != _BEND)) for row in rows]
    position = placed(rows, links, across, gap)

    starts: list[float] = []
    depths: list[float] = []
    at = 0.0
    for row in rows:
        starts.append(at)
        depths.append(max((along[name] for name in row), default=0.0))
        at += depths[-1] + between

    def ends(name: str) -> tuple[float, float]:
        """The coordinates along the layers at which a line enters and leaves a node."""
        start, depth = starts[rank[name]], depths[rank[name]]
        if name.startswith(_BEND):
            return start, start + depth
        return start + (depth - along[name]) / 2, start + (depth + along[name]) / 2

    boxes = {}
    for name, (width, height) in sizes.items():
        a, c = ends(name)[0], position[name] - across[name] / 2
        boxes[name] = Box(c, a, width, height) if down else Box(a, c, width, height)
    lines = {}
    for edge, chain in chains.items():
        stations = []
        for name in chain:
            enter, leave = ends(name)
            stations += [(enter, position[name]), (leave, position[name])]
        lines[edge] = _line(stations[1:-1], down)
    far = max((position[name] + across[name] / 2 for name in position), default=0.0)
    length = max(0.0, at - between)
    return Drawing(*((far, length) if down else (length, far)), boxes, lines)


def _chain(edge: Edge, rank: Mapping[str, int]) -> list[str]:
    source, target = edge
    steps = range(rank[source] + 1, rank[target])
    return [source, *(f"{_BEND}{source}\0{target}\0{step}" for step in steps), target]


def _line(stations: Sequence[tuple[float, float]], down: bool) -> Line:
    """A line through points, given as along and across the layers."""

    def point(a: float, c: float) -> str:
        return f"{c:.1f} {a:.1f}" if down else f"{a:.1f} {c:.1f}"

    path = f"M{point(*stations[0])}"
    for (a, c), (b, d) in itertools.pairwise(stations):
        if abs(c - d) < 0.5:
            path += f" L{point(b, d)}"
        else:
            pull = (b - a) * 0.5
            path += f" C{point(a + pull, c)} {point(b - pull, d)} {point(b, d)}"
    (a, c), (b, d) = stations[:2]
    middle = ((c + d) / 2, (a + b) / 2) if down else ((a + b) / 2, (c + d) / 2)
    return Line(path, middle)
