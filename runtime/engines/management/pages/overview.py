"""Overview: the state in a sentence, six figures, the flow of work, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.engines.management.hint import Hint, hint
from runtime.engines.management.pages import words
from runtime.engines.management.pages.chart import sparkline
from runtime.engines.management.pages.desk import Sight
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import (
    badge,
    chip,
    e,
    empty,
    icon,
    link,
    live,
    panel,
    path,
)
from runtime.engines.management.snapshot import Cause, Verdict

_MARKS = {"ok": "ok", "warn": "error", "bad": "error"}
_MOST = 8
"""Causes that are told."""


def render(sight: Sight, flow: Flow, namespace: str | None = None) -> str:
    """The overview; with `namespace`, that one is open in the graph of a large application."""
    side = f'<span class="sub wide" title="Charts begin here: they are kept in memory">since {_since(sight)}</span>'
    body = f"""<div class="stack">
{_verdict(sight.snapshot.verdict, sight)}
<div class="tiles">{"".join(_tiles(sight))}</div>
{_flow(sight, flow, namespace)}
<div class="two">{_needs(sight)}{_slowest(sight)}</div>
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
    """What goes without alarm, or leads to the place of one."""
    snapshot = sight.snapshot
    for cause in snapshot.verdict.because:
        if cause.what == "dead" and cause.cause and cause.entry:
            place = cause.cause.rpartition("@")
            where = link(f"/dead?queue={e(cause.entry)}", place[2], "mono")
            what = f" with {e(place[0])}" if place[0] else ""
            yield f"Most of them failed in {where}{what}."
    for queue in snapshot.queues:
        waiting = (queue.ready or 0) + (queue.delayed or 0)
        if waiting and queue.empty_in is not None:
            where = link(path("queues", queue.id), queue.id, "mono")
            yield (
                f"{where} holds {words.plural(waiting, 'message')}; at this pace it is empty in "
                f"{words.duration(queue.empty_in)}."
            )
    ready = sum(service.ready for service in snapshot.services)
    if snapshot.verdict.tone == "ok":
        yield f"{words.plural(ready, 'service')} up."
    if snapshot.blocked is None and snapshot.lag.max_15m < 1:
        yield "Nothing blocks the event loop."


def _tiles(sight: Sight) -> Iterator[str]:
    snapshot, history = sight.snapshot, sight.history
    queues, endpoints = snapshot.queues, snapshot.endpoints
    told = texts(sight)
    failed = sum(each.failed_15m for each in endpoints)
    yield _tile("Requests", told, "http.rate", "/s", f"{failed:,} failed in 15 min", "http", "http", "/services", history.values("http.rate"))
    unit = words.parts(_p95(sight))[1]
    yield _tile("Answer, p95", told, "http.p95", unit, "of the slowest endpoint", "http", "clock", "/traces", history.values("http.p95"))
    oldest = max((each.oldest or 0.0 for each in queues), default=0.0)
    peak = words.count(int(history.peak("waiting")))
    note = f"oldest {words.duration(oldest)} · peak {peak}" if oldest else f"peak {peak}"
    yield _tile("Waiting", told, "waiting", "", note, "queue", "queue", "/queues", history.values("waiting"))
    busy = [each.workers for each in snapshot.services if each.workers is not None]
    note = f"{sum(b.busy for b in busy)} of {sum(b.of for b in busy)} workers busy" if busy else "no consumer runs"
    yield _tile("Done", told, "done", "/s", note, "work", "work", "/queues", history.values("done"))
    died = int(history.gained("dead"))
    yield _tile("Dead letters", told, "dead", "", f"{died:,} more in 15 min", "bad", "dead", "/dead", history.values("dead"))
    longest = words.duration(snapshot.lag.max_15m)
    yield _tile("Loop lag", told, "lag", words.parts(snapshot.lag.now)[1], f"longest {longest}", "func", "service", "/errors", history.values("lag"))  # fmt: skip


def texts(sight: Sight) -> dict[str, str]:
    """The figures of the tiles by their live ids."""
    snapshot = sight.snapshot
    return {
        "http.rate": words.rate(sum(each.rate for each in snapshot.endpoints)),
        "http.p95": words.parts(_p95(sight))[0],
        "waiting": words.count(
            sum((each.ready or 0) + (each.delayed or 0) for each in snapshot.queues),
            capped=any(each.capped for each in snapshot.queues),
        ),
        "done": words.rate(sum(each.out_rate for each in snapshot.queues)),
        "dead": words.count(sum(each.dead or 0 for each in snapshot.queues)),
        "lag": words.parts(snapshot.lag.now)[0],
    }


def _p95(sight: Sight) -> float | None:
    return max((e.p95 for e in sight.snapshot.endpoints if e.p95 is not None), default=None)


def _tile(
    label: str,
    told: dict[str, str],
    id: str,
    unit: str,
    note: str,
    tone: str,
    sign: str,
    address: str,
    values: Sequence[float],
) -> str:
    return (
        f'<a class="panel tile" href="{address}"><span class="k">{icon(sign)}{e(label)}</span>'
        f"<b>{live(id, told[id])}<small data-live=\"{id} unit\">{e(unit)}</small></b>"
        f'<span class="d" data-live="{id} note">{e(note)}</span>'
        f"{sparkline(values, tone, id=f'tile {id}')}</a>"
    )


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


def _needs(sight: Sight) -> str:
    causes = sight.snapshot.verdict.because[:_MOST]
    rows = [_cause(cause) for cause in causes if cause.what != "starting"]
    rows += [_hint(each) for each in hints(sight)]
    inner = (
        f'<ul class="list">{"".join(rows)}</ul>'
        if rows
        else empty("Nothing. What fails, fills up or stands still is told here.")
    )
    return panel("Needs you", inner, side='<a class="link" href="/errors">All errors</a>', body=False)


_GROUPS = {"dead": "queue", "backlog": "queue", "full": "queue", "paused": "queue", "requests": "http"}


def _cause(cause: Cause) -> str:
    title, sub, address, said, tone = _cause_words(cause)
    return (
        f'<li><a class="row" href="{address}">{badge(_GROUPS.get(cause.what, "work"))}<div>'
        f'<p class="t">{e(title)}</p><p class="sub">{e(sub)}</p></div>'
        f'<span class="end">{chip(said, tone)}</span></a></li>'
    )


def _cause_words(cause: Cause) -> tuple[str, str, str, str, str]:
    """Title, explanation, address, the chip's text and its tone."""
    entry, count = cause.entry or "", cause.count
    match cause.what:
        case "dead":
            title = (cause.cause or f"Messages of {entry} died").replace("@", " at ")
            sub = f"{words.plural(count, 'message')} of {entry} gave up"
            return title, sub, f"/dead?queue={e(entry)}", f"{count:,} dead", "bad"
        case "requests":
            sub = "answered with a status of 500 or above in the last 15 minutes"
            return f"{entry} failed", sub, path("entries", entry), f"{count:,} failed", "warn"
        case "full":
            sub = f"it holds {count:,} messages, as many as max_length allows: publishers are refused"
            return f"{entry} is full", sub, path("queues", entry), "full", "bad"
        case "paused":
            sub = f"{words.plural(count, 'message')} wait until it is resumed"
            return f"{entry} is paused", sub, path("queues", entry), "paused", "warn"
        case "backlog":
            return f"{entry} has a backlog", words.plural(count, "message") + " wait", path("queues", entry), "backlog", "warn"  # fmt: skip
        case "blocked":
            sub = "a call that does not await keeps everything else waiting; make it a plain def"
            where = f"{entry} {cause.cause or ''}".strip()
            return f"The event loop is blocked {where}", sub, "/errors", "blocked", "bad"
        case "silent":
            sub = "it runs, and takes no messages"
            return f"{entry} does not ask its queue", sub, path("services", entry), "silent", "bad"
    return f"{entry} has failed", cause.cause or "", path("services", entry), cause.what, "bad"


def hints(sight: Sight) -> list[Hint]:
    """The hints on all consumers."""
    queues = {queue.id: queue for queue in sight.snapshot.queues}
    found = []
    for service in sight.snapshot.services:
        queue = queues.get(sight.catalog.target(service.id, "queue") or service.id)
        if queue is not None and service.workers is not None:
            told = hint(queue, service.id, service.workers.of, sight.history, sight.lanes)
            found += [told] if told else []
    return found


def _hint(told: Hint) -> str:
    sub = (
        f"{words.rate(told.peak)}/s came, {words.rate(told.capacity)}/s is what {told.concurrency} "
        f"workers of {words.duration(told.mean)} can do. "
    )
    return (
        f'<li><a class="row" href="{path("queues", told.queue)}">{badge("work")}<div>'
        f'<p class="t">{e(told.queue)} gets more than its workers can do</p>'
        f'<p class="sub">{e(sub)}<span class="mono">concurrency: {told.wanted}</span> would have '
        f'kept up.</p></div><span class="end">{chip("hint", "accent")}</span></a></li>'
    )


def _slowest(sight: Sight) -> str:
    found = [each for each in sight.snapshot.endpoints if each.p95 is not None]
    found.sort(key=lambda each: -(each.p95 or 0.0))
    rows = "".join(
        f'<li><a class="row" href="{path("entries", each.id)}">{badge("http")}<div>'
        f'<p class="t mono">{e(each.route)}</p><p class="sub">{e(each.id)} · {words.rate(each.rate)}/s'
        f'</p></div><span class="end"><b>{words.duration(each.p95)}</b><br>p95</span></a></li>'
        for each in found[:5]
    )
    inner = f'<ul class="list">{rows}</ul>' if rows else empty("No request was answered in the last minute.")
    return panel("Slowest endpoints", inner, side='<a class="link" href="/traces">Traces</a>', body=False)
