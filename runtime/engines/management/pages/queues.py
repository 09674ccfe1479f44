"""Queues: all queues in a table, and one queue with its charts and the lanes of its workers."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action, opener
from runtime.engines.management.pages.chart import Row, chart, segments, sparkline, times
from runtime.engines.management.pages.finder import finder, row
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.lane_chart import lane_chart
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
    query,
)
from runtime.engines.management.pages.needs import hints
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import QueueStatus, ServiceStatus
from runtime.units import format_count

_SIZE = ' width="110" height="24"'


def render_all(sight: Sight, find: str = "") -> str:
    """The table of all queues."""
    rows = "".join(
        row(_table_row(queue, sight), f"{queue.id}", find) for queue in sight.snapshot.queues
    )
    table = (
        '<table><thead><tr><th>Queue</th><th>State</th><th class="n">Waiting</th>'
        '<th class="n wide">In hand</th><th class="n">Dead</th><th class="n wide">In, out</th>'
        f'<th class="wide">15 min</th></tr></thead><tbody>{rows}</tbody></table>'
        if sight.snapshot.queues
        else empty("This application has no queue. An entry of kind queue.queue makes one.")
    )
    side = finder("name", find)
    body = f'<div class="stack">{panel("All queues", table, side=side, body=False)}</div>'
    return frame("queues", "Queues", sight, body)


def _table_row(queue: QueueStatus, sight: Sight) -> str:
    text, tone, sign = state(queue)
    series = sparkline(
        sight.history.values(f"ready {queue.id}"), "queue", id=f"row {queue.id}", size=_SIZE
    )
    dead = (
        link(query("/dead", queue=queue.id), words.count(queue.dead))
        if queue.dead
        else words.count(queue.dead)
    )
    oldest = f"oldest {words.duration(queue.oldest)}" if queue.oldest else "queue.queue"
    return (
        f'<td><div class="cell">{badge("queue", "wide")}<div class="two-line">'
        f"{link(path('queues', queue.id), queue.id, 'name mono')}<small>{oldest}</small></div>"
        f"</div></td><td>{chip(text, tone, sign)}</td>"
        f'<td class="n">{live(f"waiting {queue.id}", waiting(queue))}</td>'
        f'<td class="n wide">{live(f"running {queue.id}", words.count(queue.running))}</td>'
        f'<td class="n">{dead}</td>'
        f'<td class="n wide">{words.rate(queue.in_rate)}/s, {words.rate(queue.out_rate)}/s</td>'
        f'<td class="wide">{series}</td>'
    )


def render_one(sight: Sight, queue: QueueStatus, messages: str = "", *, published: str = "") -> str:
    """One queue. `messages` is the list of those that it holds, as HTML; `published` the id of one
    that a form has just published.
    """
    text, tone, sign = state(queue)
    head = f'{badge("queue")}<span class="mono">{e(queue.id)}</span>{chip(text, tone, sign)}'
    consumers = consumers_of(sight, queue)
    body = f"""<div class="stack">
{_published(queue.id, published)}{_states(queue, consumers)}
<div class="two">{_depth(sight, queue)}{_rates(sight, queue)}</div>
{_lanes(sight, consumers)}{_hints(sight, queue)}{messages}
</div>"""
    return frame("queues", queue.id, sight, body, head=head, side=_buttons(sight, queue))


def state(queue: QueueStatus) -> tuple[str, str, str]:
    """The state of a queue in words, the tone and the sign of its chip."""
    if queue.ready is None:
        return "not known", "warn", "error"
    if queue.paused:
        return "paused", "warn", "pause"
    held = queue.ready + (queue.delayed or 0) + (queue.running or 0)
    if queue.max_length and held >= queue.max_length:
        return "full", "bad", "error"
    return "taking messages", "ok", "ok"


def waiting(queue: QueueStatus) -> str:
    if queue.ready is None:
        return words.NONE
    return words.count(queue.ready + (queue.delayed or 0), capped=queue.capped)


def consumers_of(sight: Sight, queue: QueueStatus) -> Sequence[ServiceStatus]:
    """The consumers of a queue that run here."""
    return [
        service
        for service in sight.snapshot.services
        if service.workers is not None
        and (sight.catalog.target(service.id, "queue") or service.id) == queue.id
    ]


def published_address(queue: str, id: str) -> str:
    """The address to go to once a message is published."""
    return f"/queues/{quote(queue, safe=':@')}?{urlencode({'published': id})}"


def _published(queue: str, id: str) -> str:
    if not id:
        return ""
    told = link(path("queues", queue, "messages", id), id, "link mono")
    return f'<p class="note" role="status">{icon("ok")}<span>Published as {told}.</span></p>'


def _states(queue: QueueStatus, consumers: Sequence[ServiceStatus]) -> str:
    workers = sum(each.workers.of for each in consumers if each.workers)
    oldest = f"oldest {words.duration(queue.oldest)}" if queue.oldest else "to be taken"
    dead: str = live(f"dead {queue.id}", words.count(queue.dead))
    if queue.dead:
        dead = f'<a class="link" href="{query("/dead", queue=queue.id)}">{dead}</a>'
    ready = live(f"ready {queue.id}", words.count(queue.ready, capped=queue.capped))
    delayed = live(f"delayed {queue.id}", words.count(queue.delayed))
    running = live(f"running {queue.id}", words.count(queue.running))
    cells = (
        ("queue", "Ready", ready, oldest),
        ("warn", "Delayed", delayed, "retries and delays"),
        ("work", "In hand", running, f"of {format_count(workers, 'worker')}"),
        ("bad", "Dead", dead, "given up"),
    )
    shown = "".join(
        f'<div><span><i class="c-{tone}"></i>{name}</span><b class="num">{value}</b>'
        f'<small class="sub">{e(note)}</small></div>'
        for tone, name, value, note in cells
    )
    bar = segments(
        [
            (queue.ready or 0, "queue"),
            (queue.delayed or 0, "warn"),
            (queue.running or 0, "work"),
            (queue.dead or 0, "bad"),
        ]
    )
    return (
        '<section class="panel"><h2 class="sr">Messages by state</h2>'
        f'<div class="body"><div class="split">{shown}</div>{bar}</div></section>'
    )


def _depth(sight: Sight, queue: QueueStatus) -> str:
    values = sight.history.values(f"ready {queue.id}")
    peak = words.count(int(sight.history.peak(f"ready {queue.id}")))
    limit = (queue.max_length, f"max_length {queue.max_length:,}") if queue.max_length else None
    label = f"Waiting messages over 15 minutes: {peak} at most, {waiting(queue)} now"
    drawn = chart(
        [Row(values, "queue", filled=True)],
        label=label,
        times=times(sight),
        id="depth",
        limit=limit,
    )
    empty_in = f"empty in {words.duration(queue.empty_in)} at this pace" if queue.empty_in else ""
    return panel("Depth", drawn, hint=empty_in)


def _rates(sight: Sight, queue: QueueStatus) -> str:
    incoming = sight.history.values(f"in {queue.id}")
    done = sight.history.values(f"out {queue.id}")
    label = (
        f"Messages a second: published {words.rate(queue.in_rate)}, done "
        f"{words.rate(queue.out_rate)} now"
    )
    drawn = chart(
        [Row(incoming, "queue"), Row(done, "work", filled=True)],
        label=label,
        times=times(sight),
        id="rates",
    )
    legend = (
        '<span class="legend"><span class="c-queue"><i></i>published</span>'
        '<span class="c-work"><i></i>done</span></span>'
    )
    return panel("In and out", drawn, side=legend)


def _lanes(sight: Sight, consumers: Sequence[ServiceStatus]) -> str:
    legend = (
        '<span class="legend"><span class="c-work"><i></i>done</span>'
        '<span class="c-bad"><i></i>failed</span></span>'
    )
    shown = []
    for each in consumers:
        lanes = sight.lanes.of(each.id)
        of = each.workers.of if each.workers else 0
        told = f"{each.id} · concurrency {of} · each bar is one message"
        inner = (
            lane_chart(lanes, of, each.id)
            if any(lanes)
            else empty("Its workers have done nothing in the last seconds.")
        )
        shown.append(panel("What the workers do", inner, hint=told, side=legend))
    if not shown:
        text = "No consumer of it runs in this program: its messages wait, or others take them."
        shown.append(panel("What the workers do", empty(text)))
    return "".join(shown)


def _hints(sight: Sight, queue: QueueStatus) -> str:
    return "".join(
        f'<p class="note">{icon("work")}<span>{words.rate(told.peak)}/s came at most, and '
        f"{told.concurrency} workers of {words.duration(told.mean)} do "
        f'{words.rate(told.capacity)}/s. <span class="mono">concurrency: {told.wanted}</span> in '
        f"{link(path('entries', told.consumer), told.consumer)} would have kept up.</span></p>"
        for told in hints(sight)
        if told.queue == queue.id
    )


def _buttons(sight: Sight, queue: QueueStatus) -> str:
    back = path("queues", queue.id)
    name, label, sign = (
        ("resume", "Resume", "play") if queue.paused else ("pause", "Pause", "pause")
    )
    pause = action(sight.right, f"queue.{name}", label, sign, {"id": queue.id}, back=back)
    address = path("queues", queue.id, "publish")
    return pause + opener(sight.right, "Publish", "plus", address)
