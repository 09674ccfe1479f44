"""Graph: how work flows through an application, from the servers to the databases.

Nodes are entries that work or hold something. The others (functions, routers, drivers) are not
shown: what they refer to counts as referred to by who uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct

from runtime.engines.management.catalog import Catalog, EntryRecord, Reference

Group = Literal["http", "queue", "work", "data", "proc"]
How = Literal["declared", "code"]

GROUPS: Mapping[str, Group] = {
    "http.service": "http",
    "http.endpoint": "http",
    "http.websocket": "http",
    "http.task_status": "http",
    "http.mount": "http",
    "http.static": "http",
    "queue.queue": "queue",
    "event.topic": "queue",
    "queue.consumer": "work",
    "event.subscriber": "work",
    "db.migrations": "proc",
    "db.sql.*": "data",
    "store.*": "data",
    "process.service": "proc",
    "process.command": "proc",
    "schedule.cron": "proc",
    "resource.*": "proc",
}
"""The kinds that are nodes; of several patterns the first one counts."""

_ROUTED = ("meta.router", "meta.server")
_HELD = ("lifecycle.", "driver", "database", "host")
"""Fields that say what an entry stands on, which is no flow of work."""

LETTERS = "dead "
"""Begins the id of the node for a queue's dead letters; the queue's id follows."""


class Node(Struct, frozen=True):
    """An entry, or the dead letters of a queue."""

    id: str
    kind: str
    group: Group
    title: str
    """`POST /tasks`, `tasks_queue`."""
    sub: str
    """A few words on it: `create_task`, `process_task × 2`."""


class Edge(Struct, frozen=True):
    """Work goes from one node to another one."""

    source: str
    target: str
    how: How
    weight: int
    """3 for a main stream, which is drawn straight; 0 for what is not the daily work."""


class Graph(Struct, frozen=True):
    """Nodes by id, in the order of their declaration, and edges."""

    nodes: Mapping[str, Node] = {}
    edges: tuple[Edge, ...] = ()


def group_of(kind: str) -> Group | None:
    """The group of a kind of nodes; None for a kind of other entries."""
    return next((group for name, group in GROUPS.items() if fnmatchcase(kind, name)), None)


def graph(catalog: Catalog) -> Graph:
    """The graph of an application."""
    nodes = {
        id: Node(id, entry.kind, group, *_words(catalog, entry))
        for id, entry in catalog.entries.items()
        if (group := group_of(entry.kind)) is not None
    }
    needs: dict[str, list[Reference]] = {}
    for each in catalog.references:
        needs.setdefault(each.source, []).append(each)
    edges: dict[tuple[str, str], Edge] = {}
    for node in [*nodes.values()]:
        for source, target, how in _edges(node, nodes, needs):
            weight = _weight(nodes[source], nodes[target])
            edges.setdefault((source, target), Edge(source, target, how, weight))
    for id in [id for id, node in nodes.items() if node.kind == "queue.queue"]:
        consumers = [edge.target for edge in edges.values() if edge.source == id]
        if consumers and catalog.target(id, "dead_letter.queue") is None:
            letters = f"{LETTERS}{id}"
            nodes[letters] = Node(letters, "", "queue", "dead letters", f"of {nodes[id].title}")
            edges[consumers[0], letters] = Edge(consumers[0], letters, "declared", 0)
    publishing = {edge.source for edge in edges.values() if nodes[edge.target].group == "queue"}
    for pair, edge in edges.items():  # the endpoints that publish lie on the main streams
        if nodes[edge.source].kind == "http.service" and edge.target in publishing:
            edges[pair] = Edge(edge.source, edge.target, edge.how, 3)
    return Graph(nodes, tuple(edges.values()))


def by_namespace(whole: Graph, opened: str | None) -> Graph:
    """The graph with one node a namespace in place of its entries, but for one namespace."""

    def shown(id: str) -> str:
        space = id.removeprefix(LETTERS).partition(":")[0]
        return id if space == opened else space

    counts: dict[str, int] = {}
    for id in whole.nodes:
        counts[shown(id)] = counts.get(shown(id), 0) + 1
    nodes = {
        id: whole.nodes.get(id) or Node(id, "", "proc", id, f"{count} nodes, press to open")
        for id, count in counts.items()
    }
    edges: dict[tuple[str, str], Edge] = {}
    for edge in whole.edges:
        source, target = shown(edge.source), shown(edge.target)
        if source != target:
            known = edges.get((source, target))
            weight = max(edge.weight, known.weight if known else 0)
            edges[source, target] = Edge(source, target, edge.how, weight)
    return Graph(nodes, tuple(edges.values()))


def daily(whole: Graph) -> Graph:
    """The graph without what only prepares the others, and has done so: for small screens."""
    working = {id for edge in whole.edges if edge.weight for id in (edge.source, edge.target)}
    nodes = {
        id: node
        for id, node in whole.nodes.items()
        if id in working or node.group != "proc" or not node.kind
    }
    edges = (edge for edge in whole.edges if edge.source in nodes and edge.target in nodes)
    return Graph(nodes, tuple(edges))


def _words(catalog: Catalog, entry: EntryRecord) -> tuple[str, str]:
    """The title of a node, and the few words below it."""
    facts = entry.facts
    handler = (entry.handler or "").rpartition("#")
    function = catalog.target(entry.id, "func") or catalog.target(entry.id, "process")
    called = function.partition(":")[2] if function else handler[2]
    match entry.kind:
        case "http.endpoint":
            return f"{facts.get('method', '')} {facts.get('path', '')}", called
        case "http.websocket" | "http.static" | "http.mount" | "http.task_status":
            return facts.get("path") or facts.get("prefix") or entry.name, called or entry.name
        case "http.service":
            return entry.name, facts.get("addr", "")
        case "queue.consumer" | "event.subscriber":
            return entry.name, f"{called} × {facts.get('concurrency', '1')}"
        case "queue.queue":
            return entry.name, _kept(catalog, catalog.target(entry.id, "driver"))
        case "schedule.cron":
            return entry.name, facts.get("cron") or f"every {facts.get('every', '')}"
        case kind if kind.startswith("db.sql."):
            return entry.name, facts.get("file") or kind.removeprefix("db.sql.")
    return entry.name, called or entry.kind


def _kept(catalog: Catalog, driver: str | None) -> str:
    """The place where the driver of a queue keeps its messages."""
    found = catalog.entries.get(driver or "")
    kind = found.kind if found else ""
    database = catalog.target(driver, "database") if driver else None
    if kind == "queue.driver.sql":
        return f"durable, in {database.partition(':')[2]}" if database else "durable"
    return {"queue.driver.memory": "in memory", "queue.driver.amqp": "on RabbitMQ"}.get(kind, kind)


def _edges(
    node: Node, nodes: Mapping[str, Node], needs: Mapping[str, list[Reference]]
) -> Iterator[tuple[str, str, How]]:
    """The edges that a node's references make, through those that are no nodes."""
    seen: set[str] = set()
    waiting: list[tuple[Reference, bool]] = [(each, False) for each in needs.get(node.id, ())]
    while waiting:
        each, in_code = waiting.pop(0)
        in_code = in_code or each.in_code
        if _is_held(each, node) or each.target in seen:
            continue
        seen.add(each.target)
        how: How = "code" if in_code else "declared"
        if each.by in _ROUTED:
            if each.target in nodes:
                yield each.target, node.id, how
            else:
                waiting += [
                    (further, in_code)
                    for further in needs.get(each.target, ())
                    if further.by in _ROUTED
                ]
        elif each.target not in nodes:
            waiting += [(further, in_code) for further in needs.get(each.target, ())]
        elif node.group == "work" and each.by == "queue" and each.source == node.id:
            yield each.target, node.id, how
        elif (node.group == "queue" and each.by == "dead_letter.queue") or each.target != node.id:
            yield node.id, each.target, how


def _is_held(reference: Reference, node: Node) -> bool:
    if node.kind in ("db.migrations", "store.sql") and reference.by == "database":
        return False
    return not reference.in_code and reference.by.startswith(_HELD)


def _weight(source: Node, target: Node) -> int:
    match source.group, target.group:
        case ("http" | "work", "queue") | ("queue", "work") | ("work", "data"):
            return 3
        case "proc", "data":
            return 0
    return 1
