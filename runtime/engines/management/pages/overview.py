"""Overview: the state in a sentence, six figures, the flow of work, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.engines.management.pages import words
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import badge, e, empty, icon, link, panel, path, query
from runtime.engines.management.pages.needs import needs
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.tiles import draw, tiles
from runtime.engines.management.snapshot import Verdict
from runtime.units import format_count

_MARKS = {"ok": "ok", "warn": "error", "bad": "error"}


def render(sight: Sight, flow: Flow, namespace: str | None = None) -> str:
    """The overview; with `namespace`, that one is open in the graph of a large application."""
    begin = "Charts begin here: they are kept in memory"
    side = f'<span class="sub wide" title="{begin}">since {_since(sight)}</span>'
    body = f"""<div class="stack">
{_verdict(sight.snapshot.verdict, sight)}
<div class="tiles">{"".join(draw(tile, sight) for tile in tiles(sight))}</div>
{_flow(sight, flow, namespace)}
<div class="two">{needs(sight)}{_slowest(sight)}</div>
</div>"""
    return frame("overview", "Overview", sight, body, side=side)


def _since(sight: Sight) -> str:
    at = sight.history.since
    return words.moment(sight.now if at is None else max(at, sight.now - 900), sight.now)[:5]


def _verdict(verdict: Verdict, sight: Sight) -> str:
    more = " ".join(_explanations(sight))
    return (
        f'<section class="panel verdict {verdict.tone}" aria-live="polite"'
        f' aria-label="The state in words"><span class="mark">{icon(_MARKS[verdict.tone])}</span>'
        f'<div><p class="say" data-live="verdict">{e(verdict.say)}</p><p class="more">{more}</p>'
        "</div></section>"
    )


def _explanations(sight: Sight) -> Iterator[str]:
    """Further sentences: some lead to the place of the matter, some say what is well."""
    snapshot = sight.snapshot
    for cause in snapshot.verdict.because:
        if cause.what == "dead" and cause.cause and cause.entry:
            place = cause.cause.rpartition("@")
            where = link(query("/dead", queue=cause.entry), place[2], "mono")
            what = f" with {e(place[0])}" if place[0] else ""
            which = "It" if cause.count == 1 else "Most of them"
            yield f"{which} failed in {where}{what}."
    for queue in snapshot.queues:
        waiting = (queue.ready or 0) + (queue.delayed or 0)
        if waiting and queue.empty_in is not None:
            where = link(path("queues", queue.id), queue.id, "mono")
            yield (
                f"{where} holds {format_count(waiting, 'message')}; at this pace it is empty in "
                f"{words.duration(queue.empty_in)}."
            )
    ready = sum(service.ready for service in snapshot.services)
    if snapshot.verdict.tone == "ok":
        yield f"{format_count(ready, 'service')} up."
    if snapshot.blocked is None and snapshot.lag.max_15m < 1:
        yield "Nothing blocks the event loop."


def _flow(sight: Sight, flow: Flow, namespace: str | None) -> str:
    views = (
        '<span class="pick"><a href="/" aria-current="true">Flow</a>'
        '<a href="/entries">Every entry</a><a href="/services">List</a></span>'
    )
    drawn = (
        '<div class="graph" tabindex="0" role="region" aria-label="Graph">'
        f"{flow.render(sight, namespace)}</div>"
    )
    hint = "Dots move as fast as work does; dashed is what has not been seen yet."
    return panel("How work flows", drawn, hint=hint, side=views, id="flow", body=False)


def _slowest(sight: Sight) -> str:
    """The slowest traces; without any, the slowest endpoints."""
    if not sight.slowest:
        return _slowest_endpoints(sight)
    rows = "".join(
        f'<li><a class="row" href="{path("traces", each.id)}">'
        f'{badge("http" if each.request_id else "work")}<div><p class="t mono">{e(each.title)}</p>'
        f'<p class="sub">{format_count(each.spans, "span")}{", failed" if each.failed else ""}</p>'
        f'</div><span class="end"><b>{words.duration(each.duration)}</b><br>'
        f"{words.moment(each.started, sight.now)}</span></a></li>"
        for each in sight.slowest
    )
    side = link("/traces", "All traces")
    return panel("Slowest traces", f'<ul class="list">{rows}</ul>', side=side, body=False)


def _slowest_endpoints(sight: Sight) -> str:
    found = [each for each in sight.snapshot.endpoints if each.p95 is not None]
    found.sort(key=lambda each: -(each.p95 or 0.0))
    rows = "".join(
        f'<li><a class="row" href="{path("entries", each.id)}">{badge("http")}<div>'
        f'<p class="t mono">{e(each.route)}</p>'
        f'<p class="sub">{e(each.id)} · {words.rate(each.rate)}/s</p></div>'
        f'<span class="end"><b>{words.duration(each.p95)}</b><br>p95</span></a></li>'
        for each in found[:5]
    )
    inner = (
        f'<ul class="list">{rows}</ul>'
        if rows
        else empty("No request was answered in the last minute.")
    )
    return panel(
        "Slowest endpoints", inner, side='<a class="link" href="/traces">Traces</a>', body=False
    )
