"""Card: one node of the graph with its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from runtime.engines.management.graph import LETTERS, Node
from runtime.engines.management.pages import words
from runtime.engines.management.pages.chart import floor
from runtime.engines.management.pages.layout.drawing import Box
from runtime.engines.management.pages.markup import e, path, query
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import ServiceStatus
from runtime.engines.management.verdict import BACKLOG

HEIGHT, LOW = 88.0, 62.0
"""The height of a card with a series, and of one without."""
_BESIDE = 66
"""The part of a card's width that its title has not: a wide font's is squeezed by the script, and
cut off without it, but never under the sign of the state.
"""

State = Literal["ok", "warn", "bad", "idle"]
_SAID: Mapping[State, str] = {
    "ok": "running",
    "warn": "look at it",
    "bad": "needs you",
    "idle": "at rest",
}


class Card(Struct, frozen=True):
    """A node's figures, as texts."""

    node: Node
    value: str
    unit: str
    state: State
    address: str
    series: Sequence[float] | None = None


def card_of(node: Node, sight: Sight) -> Card:
    """The card of a node. A node that is a namespace opens on the same page."""
    services = {each.id: each for each in sight.snapshot.services}
    if node.id.startswith(LETTERS):
        return _letters(node, sight)
    if not node.kind:
        return Card(node, "", node.sub, "idle", query("/", namespace=node.id) + "#flow")
    make = _CARDS.get(node.kind, _service)
    return make(node, sight, services.get(node.id))


def _server(node: Node, sight: Sight, service: ServiceStatus | None) -> Card:
    served = sum(each.rate for each in sight.snapshot.endpoints)
    if service is not None and service.where:
        node = replace(node, sub=service.where.partition("://")[2])
    address = path("services", node.id)
    return Card(
        node,
        f"{words.rate(served)}/s",
        "requests",
        _state(service),
        address,
        sight.history.values("http.rate"),
    )


def _endpoint(node: Node, sight: Sight, service: ServiceStatus | None) -> Card:
    found = next((each for each in sight.snapshot.endpoints if each.id == node.id), None)
    address = path("entries", node.id)
    if found is None:
        return Card(node, "0/s", "not called", "idle", address, [])
    unit = "not called" if found.p95 is None else f"p95 {words.duration(found.p95)}"
    state: State = "warn" if found.failed_15m else "ok" if found.rate else "idle"
    series = sight.history.values(f"rate {node.id}")
    return Card(node, f"{words.rate(found.rate)}/s", unit, state, address, series)


def _queue(node: Node, sight: Sight, service: ServiceStatus | None) -> Card:
    found = next((each for each in sight.snapshot.queues if each.id == node.id), None)
    address = path("queues", node.id)
    if found is None or found.ready is None:
        return Card(node, words.NONE, "not known", "idle", address, [])
    waiting = found.ready + (found.delayed or 0)
    held = waiting + (found.running or 0)
    state: State = "ok"
    if found.max_length and held >= found.max_length:
        state = "bad"
    elif found.paused or waiting >= BACKLOG:
        state = "warn"
    unit = "paused" if found.paused else "waiting"
    series = sight.history.values(f"ready {node.id}")
    return Card(node, words.count(waiting, capped=found.capped), unit, state, address, series)


def _consumer(node: Node, sight: Sight, service: ServiceStatus | None) -> Card:
    queue = sight.catalog.target(node.id, "queue") or node.id
    found = next((each for each in sight.snapshot.queues if each.id == queue), None)
    done = found.out_rate if found else 0.0
    busy = service.workers if service else None
    unit = f"{busy.busy} of {busy.of} busy" if busy else "done"
    series = sight.history.values(f"out {queue}")
    return Card(
        node, f"{words.rate(done)}/s", unit, _state(service), path("services", node.id), series
    )


def _service(node: Node, sight: Sight, service: ServiceStatus | None) -> Card:
    if service is None:
        return Card(node, node.kind, "", "idle", path("entries", node.id))
    said = "ended well" if service.state == "exited" else service.state
    return Card(node, said, "", _state(service), path("services", node.id))


def _letters(node: Node, sight: Sight) -> Card:
    queue = node.id.removeprefix(LETTERS)
    found = next((each for each in sight.snapshot.queues if each.id == queue), None)
    dead = (found.dead or 0) if found else 0
    address = query("/dead", queue=queue)
    return Card(node, words.count(dead), "in all", "bad" if dead else "idle", address)


_Maker = Callable[[Node, Sight, ServiceStatus | None], Card]

_CARDS: Mapping[str, _Maker] = {
    "http.service": _server,
    "http.endpoint": _endpoint,
    "queue.queue": _queue,
    "queue.consumer": _consumer,
    "event.subscriber": _consumer,
}


def _state(service: ServiceStatus | None) -> State:
    if service is None:
        return "idle"
    if service.state == "failed":
        return "bad"
    if service.state == "running":
        return "ok" if service.ready else "warn"
    return "idle" if service.state in ("exited", "stopped") else "warn"


def card(shown: Card, box: Box, opened: str | None = None) -> str:
    """A card as a link, in the coordinates of the drawing."""
    node, x, y, width = shown.node, box.x, box.y, box.width
    is_tall = shown.series is not None
    tone = node.group
    dim = " dim" if shown.state == "idle" and not is_tall else ""
    picture = ""
    if shown.series is not None:
        picture = floor(shown.series, tone, (x, y, width, box.height), f"card {node.id}")
    most = int((width - _BESIDE) / 6.9)
    told = f"{shown.value} {shown.unit}".strip()
    if not is_tall:
        told = _cut(told, most + 3)
    if is_tall:
        value = (
            f'<text class="v" x="{x + 12:.1f}" y="{y + 58:.1f}" data-live="card {e(node.id)}">'
            f'{e(shown.value)}</text> <text class="u" x="{x + width - 12:.1f}" y="{y + 58:.1f}"'
            f' data-live="unit {e(node.id)}">{e(shown.unit)}</text>'
        )
    else:
        value = f'<text class="s" x="{x + 44:.1f}" y="{y + 52:.1f}">{e(told)}</text>'
    title, sub = _cut(node.title, most), _cut(node.sub, most + 3)
    return (
        f'<a href="{shown.address}"><g class="c-{tone}{dim}">'
        f'<rect class="card" x="{x:.1f}" y="{y:.1f}" width="{width:.0f}" height="{box.height:.0f}"'
        f' rx="12"/>{picture}'
        f'<rect class="tile-bg" x="{x + 10:.1f}" y="{y + 11:.1f}" width="26" height="26" rx="8"/>'
        f'<use href="#i-{tone}" x="{x + 15:.1f}" y="{y + 16:.1f}" width="16" height="16"/>'
        f'<svg x="{x + 44:.1f}" y="{y + 8:.1f}" width="{width - _BESIDE:.0f}" height="20">'
        f'<text class="t" y="13" lengthAdjust="spacingAndGlyphs">{e(title)}</text></svg> '
        f'<text class="s" x="{x + 44:.1f}" y="{y + 36:.1f}">{e(sub)}</text> '
        f"{value}{_sign(shown.state, x + width - 12, y + 16)}</g></a>"
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(1, most - 1)]}…"


def _sign(state: State, x: float, y: float) -> str:
    """The state as a shape and a colour, and as a word."""
    said = f'role="img" aria-label="{_SAID[state]}"'
    match state:
        case "warn":
            return f'<path {said} class="dot-warn" d="M{x:.1f} {y - 5:.1f}l5.4 9.4h-10.8z"/>'
        case "bad":
            return (
                f'<rect {said} class="dot-bad" x="{x - 4.2:.1f}" y="{y - 4.2:.1f}" width="8.4"'
                f' height="8.4" rx="1.6" transform="rotate(45 {x:.1f} {y:.1f})"/>'
            )
    return f'<circle {said} class="dot-{state}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
