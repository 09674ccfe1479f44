"""Flow: the graph of an application as a drawing with its figures; one for wide screens, one for
phones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime.engines.management.graph import LETTERS, Edge, Graph, Node, by_namespace, daily, graph
from runtime.engines.management.pages.card import HEIGHT, LOW, Card, card, card_of
from runtime.engines.management.pages.layout.drawing import Drawing, Line, draw
from runtime.engines.management.pages.markup import e
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.words import rate

MOST, MOST_OF_ONE = 150, 400
"""Nodes up to which each is drawn; beyond, namespaces are, and one of them opened. Where there is
one namespace, more nodes are drawn.
"""
_WIDE, _NARROW = 176.0, 160.0
_FITS, _FITS_PHONE = 1400.0, 420.0
"""Pixels up to which a drawing is made smaller to fit; a wider one is scrolled."""
_TONES = {"http": "http", "queue": "queue", "work": "work", "data": "data", "proc": "proc"}


class Flow:
    """Draws the graph of a catalog. The layout is made once, since it takes milliseconds."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._catalog: object = None
        self._drawings: dict[tuple[str | None, bool], tuple[Graph, Drawing]] = {}

    def nodes(self, sight: Sight) -> Mapping[str, Node]:
        """The nodes of the graph."""
        return self.graph(sight).nodes

    def graph(self, sight: Sight) -> Graph:
        """The graph, as of the catalog."""
        if self._catalog is not sight.catalog:
            self._graph, self._catalog = graph(sight.catalog), sight.catalog
            self._drawings = {}
        return self._graph

    def render(self, sight: Sight, opened: str | None = None) -> str:
        """Both drawings, as SVG; with `opened`, a namespace whose nodes are shown."""
        if not self.nodes(sight):
            return '<p class="empty">No entry works here yet: no server, no queue, no process.</p>'
        return "".join(self._draw(sight, opened, down=down) for down in (False, True))

    def _draw(self, sight: Sight, opened: str | None, *, down: bool) -> str:
        whole, drawing = self._laid_out(opened, down=down)
        cards = {id: card_of(node, sight) for id, node in whole.nodes.items()}
        rates = rates_of(whole, sight)
        fastest = max(rates.values(), default=0.0)
        lines, tags = [], []
        for edge in whole.edges:
            line = drawing.lines.get((edge.source, edge.target))
            if line is None or not _is_shown(edge, cards):
                continue
            speed = rates.get((edge.source, edge.target))
            lines.append(_line(edge, whole, line.path, speed, fastest))
            if label := _label(edge, speed, cards, line, whole, down=down):
                x, y = line.middle
                tags.append(_tag(label, x, y, over=line.is_straight and not down, down=down))
        for queue, consumer in _retrying(whole, sight):
            delayed = next(q.delayed for q in sight.snapshot.queues if q.id == queue)
            back, x, y = _return(drawing, queue, consumer, down=down)
            lines.append(
                f'<path class="edge w1" d="{back}"/><path class="flow c-warn w1 f1" d="{back}"/>'
            )
            tags.append(_tag(f"{delayed:,} delayed", x, y, over=False, down=False))
        shown = [
            card(cards[id], drawing.boxes[id], opened)
            for id in whole.nodes
            if not (id.startswith(LETTERS) and cards[id].state == "idle")
        ]
        width, height = drawing.width + 8, drawing.height + 44
        return (
            f'<svg class="map {_looks(width, down=down)}" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="-4 -4 {width:.0f} {height:.0f}" role="group"'
            f' aria-label="The application as a graph">{"".join(lines + tags + shown)}</svg>'
        )

    def _laid_out(self, opened: str | None, *, down: bool) -> tuple[Graph, Drawing]:
        key = (opened, down)
        if key not in self._drawings:
            spaces = {id.removeprefix(LETTERS).partition(":")[0] for id in self._graph.nodes}
            is_large = len(self._graph.nodes) > (MOST if len(spaces) > 1 else MOST_OF_ONE)
            whole = by_namespace(self._graph, opened) if is_large else self._graph
            if down:
                whole = daily(whole)
            sizes = {
                id: (_NARROW if down else _WIDE, LOW if is_low(node) else HEIGHT)
                for id, node in whole.nodes.items()
            }
            weights = {(edge.source, edge.target): float(edge.weight) for edge in whole.edges}
            drawing = draw(
                sizes, weights, down=down, gap=14 if down else 26, between=44 if down else 52
            )
            if len(self._drawings) > 8:  # a visitor opens one namespace after the other
                self._drawings.clear()
            self._drawings[key] = (whole, drawing)
        return self._drawings[key]


def _looks(width: float, *, down: bool) -> str:
    if down:
        return "tall fits" if width <= _FITS_PHONE else "tall"
    return "flat fits" if width <= _FITS else "flat"


def is_low(node: Node) -> bool:
    """True for a node without a series, whose card is low."""
    return node.group in ("data", "proc") or node.id.startswith(LETTERS)


def rates_of(whole: Graph, sight: Sight) -> Mapping[tuple[str, str], float]:
    """Events a second on the edges, where they are known; 0 for an edge that was seen to rest."""
    snapshot = sight.snapshot
    endpoints = {each.id: each.rate for each in snapshot.endpoints}
    queues = {each.id: each for each in snapshot.queues}
    busy = dict(endpoints)
    for edge in whole.edges:
        if edge.source in queues:
            busy[edge.target] = queues[edge.source].out_rate
    publishers: dict[str, list[str]] = {}
    for edge in whole.edges:
        if edge.target in queues:
            publishers.setdefault(edge.target, []).append(edge.source)
    rates = {}
    for edge in whole.edges:
        pair = (edge.source, edge.target)
        if edge.target in endpoints and whole.nodes[edge.source].kind == "http.service":
            rates[pair] = endpoints[edge.target]
        elif edge.source in queues:
            rates[pair] = queues[edge.source].out_rate
        elif edge.target in queues:
            own = len(publishers[edge.target]) == 1
            rates[pair] = queues[edge.target].in_rate if own else busy.get(edge.source, 0.0)
        elif edge.source in busy and not edge.target.startswith(LETTERS):
            rates[pair] = busy[edge.source]
    return rates


def _is_shown(edge: Edge, cards: Mapping[str, Card]) -> bool:
    target = cards[edge.target]
    return not (edge.target.startswith(LETTERS) and target.state == "idle")


def _line(edge: Edge, whole: Graph, path: str, speed: float | None, fastest: float) -> str:
    """A line; beads run along it if something does. One that is only declared or read rests."""
    if not speed:
        return f'<path class="edge w1 rest" d="{path}"/>'
    share = speed / fastest
    weight = 3 if share > 0.5 else 2 if share > 0.2 else 1
    tone = _TONES[whole.nodes[edge.target].group]
    return (
        f'<path class="edge w{weight}" d="{path}"/>'
        f'<path class="flow c-{tone} w{weight} f{weight}" d="{path}"/>'
    )


def _label(
    edge: Edge,
    speed: float | None,
    cards: Mapping[str, Card],
    line: Line,
    whole: Graph,
    *,
    down: bool,
) -> str:
    """The rate on an edge, unless the card at its beginning says the same."""
    if edge.target.startswith(LETTERS):
        return cards[edge.target].value
    pair = (whole.nodes[edge.source].group, whole.nodes[edge.target].group)
    if not speed or pair == ("http", "data") or (down and not line.is_straight):
        return ""
    return f"{rate(speed)}/s"


def _tag(label: str, x: float, y: float, *, over: bool, down: bool) -> str:
    """A label over a straight line, or in a box on it."""
    if over:
        return f'<g class="tag"><text x="{x:.1f}" y="{y - 9:.1f}">{e(label)}</text></g>'
    wide = 6.4 * len(label) + 14
    if down:
        x += wide / 2 + 8
    return (
        f'<g class="tag"><rect x="{x - wide / 2:.1f}" y="{y - 9.5:.1f}" width="{wide:.1f}"'
        f' height="19" rx="9.5"/><text x="{x:.1f}" y="{y + 4:.1f}">{e(label)}</text></g>'
    )


def _retrying(whole: Graph, sight: Sight) -> Sequence[tuple[str, str]]:
    """The queues with delayed messages, each with its first consumer."""
    delayed = {each.id for each in sight.snapshot.queues if each.delayed}
    found: dict[str, str] = {}
    for edge in whole.edges:
        if edge.source in delayed and whole.nodes[edge.target].group == "work":
            found.setdefault(edge.source, edge.target)
    return [*found.items()]


def _return(drawing: Drawing, queue: str, consumer: str, *, down: bool) -> tuple[str, float, float]:
    """The line from a consumer back to its queue, and the place of its label."""
    q, c = drawing.boxes[queue], drawing.boxes[consumer]
    if down:
        x = max(q.x + q.width, c.x + c.width)
        y0, y1 = c.y + c.height / 2, q.y + q.height / 2
        path = (
            f"M{c.x + c.width:.1f} {y0:.1f} C{x + 30:.1f} {y0:.1f} {x + 30:.1f} {y1:.1f} "
            f"{q.x + q.width:.1f} {y1:.1f}"
        )
        return path, x + 22, (y0 + y1) / 2
    x0, x1 = c.x + 50, q.x + q.width - 50
    y0, y1 = c.y + c.height, q.y + q.height
    low = max(y0, y1) + 36
    path = f"M{x0:.1f} {y0:.1f} C{x0:.1f} {low:.1f} {x1:.1f} {low:.1f} {x1:.1f} {y1:.1f}"
    return path, (x0 + x1) / 2, (y0 + y1) / 2 + 27
