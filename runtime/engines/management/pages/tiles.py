"""Tiles: the six figures of the overview, each with its last 15 minutes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from runtime.engines.management.pages import words
from runtime.engines.management.pages.chart import sparkline
from runtime.engines.management.pages.markup import e, icon, live
from runtime.engines.management.pages.sight import Sight


class Tile(Struct, frozen=True):
    """One figure. Its series has the name of its id."""

    id: str
    label: str
    value: str
    unit: str
    note: str
    tone: str
    sign: str
    address: str


def tiles(sight: Sight) -> Iterator[Tile]:
    """The six of them: requests, their time, what waits, what is done, what died, the loop."""
    snapshot, history = sight.snapshot, sight.history
    queues, endpoints = snapshot.queues, snapshot.endpoints
    rate = words.rate(sum(each.rate for each in endpoints))
    failed = sum(each.failed_15m for each in endpoints)
    note = f"{failed:,} failed in 15 min"
    yield Tile("http.rate", "Requests", rate, "/s", note, "http", "http", "/services")

    p95 = max((each.p95 for each in endpoints if each.p95 is not None), default=None)
    note = "no request in the last minute" if p95 is None else "slowest endpoint"
    yield Tile("http.p95", "Answer, p95", *words.parts(p95), note, "http", "clock", "/traces")

    waiting = words.count(
        sum((each.ready or 0) + (each.delayed or 0) for each in queues),
        capped=any(each.capped for each in queues),
    )
    oldest = max((each.oldest or 0.0 for each in queues), default=0.0)
    note = f"peak {words.count(int(history.peak('waiting')))}"
    if oldest:
        note = f"oldest {words.duration(oldest)} · {note}"
    yield Tile("waiting", "Waiting", waiting, "", note, "queue", "queue", "/queues")

    done = words.rate(sum(each.out_rate for each in queues))
    workers = [each.workers for each in snapshot.services if each.workers is not None]
    busy, of = sum(each.busy for each in workers), sum(each.of for each in workers)
    note = f"{busy} of {of} workers busy" if workers else "no consumer runs"
    yield Tile("done", "Done", done, "/s", note, "work", "work", "/queues")

    dead = sum(each.dead or 0 for each in queues)
    note = f"{int(history.gained('dead', dead)):,} new in 15 min"
    yield Tile("dead", "Dead letters", words.count(dead), "", note, "bad", "dead", "/dead")

    note = f"longest {words.duration(snapshot.lag.max_15m)}"
    lag = words.parts(snapshot.lag.now)
    yield Tile("lag", "Loop lag", *lag, note, "func", "service", "/errors")


def draw(tile: Tile, sight: Sight) -> str:
    """A tile: a link, with its series at the bottom."""
    drawn = sparkline(sight.history.values(tile.id), tile.tone, id=f"tile {tile.id}")
    return (
        f'<a class="panel tile" href="{tile.address}">'
        f'<span class="k">{icon(tile.sign)}{e(tile.label)}</span>'
        f"<b>{live(tile.id, tile.value)}{live(f'{tile.id} unit', tile.unit, 'small')}</b>"
        f"{live(f'{tile.id} note', tile.note, classes='d')}{drawn}</a>"
    )
