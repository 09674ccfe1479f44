"""Services: all of them in the order of their start, and one with its history and its entry."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from runtime.engines.management.graph import group_of
from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action
from runtime.engines.management.pages.chart import Row, chart, sparkline, times
from runtime.engines.management.pages.entries import declaration, references
from runtime.engines.management.pages.finder import finder, row
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import badge, chip, e, empty, link, panel, path
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import ServiceStatus
from runtime.units import format_count

_SIZE = ' width="110" height="24"'
_LOOKS = {
    "running": ("ok", "ok"),
    "exited": ("", "ok"),
    "stopped": ("", "pause"),
    "failed": ("bad", "x"),
    "starting": ("warn", "clock"),
    "stopping": ("warn", "clock"),
    "waiting": ("", "clock"),
}


def render_all(sight: Sight, find: str = "") -> str:
    """The table of all services."""
    services = sight.snapshot.services
    rows = "".join(
        row(_table_row(each, sight), f"{each.id} {each.kind} {each.state}", find)
        for each in services
    )
    table = (
        '<table><thead><tr><th>Service</th><th>State</th><th class="n wide">Since</th>'
        '<th class="n">Restarts</th><th class="wide">15 min</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        if services
        else empty("Nothing runs here yet.")
    )
    shown = panel(
        "All services",
        table,
        hint="in the order of their start",
        side=finder("name, kind or state", find),
        body=False,
    )
    return frame(
        "services", "Services", sight, f'<div class="stack">{shown}{_processes(sight)}</div>'
    )


def _table_row(service: ServiceStatus, sight: Sight) -> str:
    told = service.kind + (f" · {service.where}" if service.where else "")
    values = _series(service, sight)
    drawn = (
        sparkline(values, group(service), id=f"row {service.id}", size=_SIZE) if any(values) else ""
    )
    return (
        f'<td><div class="cell">{badge(group(service))}<div class="two-line">'
        f"{link(path('services', service.id), service.id, 'name mono')}<small>{e(told)}</small>"
        f"</div></div></td><td>{state_chip(service)}</td>"
        f'<td class="n wide">{words.since(service.since, sight.now)}</td>'
        f'<td class="n">{service.restarts}</td><td class="wide">{drawn}</td>'
    )


def render_one(sight: Sight, service: ServiceStatus, log: str = "", stream: str = "/events") -> str:
    """One service; `log` are its last lines, as HTML, and `stream` tells those that follow."""
    head = f'{badge(group(service))}<span class="mono">{e(service.id)}</span>{state_chip(service)}'
    record = sight.catalog.entries.get(service.id)
    beside = (
        f'<div class="stack">{declaration(record)}{references(sight.catalog, record)}</div>'
        if record
        else ""
    )
    body = f'<div class="stack"><div class="two">{_run(sight, service)}{beside}</div>{log}</div>'
    restart = action(
        sight.right,
        "service.restart",
        "Restart",
        "retry",
        {"id": service.id},
        back=path("services", service.id),
        ask=f"Restart {service.id}?",
    )
    return frame("services", service.id, sight, body, head=head, side=restart, stream=stream)


def state_chip(service: ServiceStatus) -> str:
    tone, sign = _LOOKS.get(service.state, ("", ""))
    said = "ended well" if service.state == "exited" else service.state
    return chip(said, tone, sign)


def group(service: ServiceStatus) -> str:
    if service.kind.startswith("queue.driver"):
        return "queue"
    return group_of(service.kind) or "proc"


def _series(service: ServiceStatus, sight: Sight) -> Sequence[float]:
    """The work of a service over the last 15 minutes, if it is counted."""
    if service.workers is not None:
        queue = sight.catalog.target(service.id, "queue") or service.id
        return sight.history.values(f"out {queue}")
    if service.kind == "http.service":
        return sight.history.values("http.rate")
    return ()


def _run(sight: Sight, service: ServiceStatus) -> str:
    cells = [
        ("In this state", words.since(service.since, sight.now)),
        ("Restarts", str(service.restarts)),
    ]
    if service.workers is not None:
        cells.append(("Workers busy", f"{service.workers.busy} of {service.workers.of}"))
    if service.last_poll is not None:
        ago = f"{words.duration(service.last_poll)} ago" if service.last_poll else "just now"
        cells.append(("Its queue answered", ago))
    split = "".join(
        f'<div><span>{name}</span><b class="num">{e(value)}</b></div>' for name, value in cells
    )
    error = f'<p class="note gap">{e(service.error)}</p>' if service.error else ""
    where = f'<p class="sub gap">{e(service.where)}</p>' if service.where else ""
    values = _series(service, sight)
    drawn = ""
    if len(values):
        drawn = chart(
            [Row(values, group(service), filled=True)],
            label=f"What {service.id} did a second over 15 minutes",
            times=times(sight),
            id="work",
        )
    inner = f'{_states(sight, service)}<div class="split">{split}</div>{where}{error}{drawn}'
    return panel("The last 15 minutes", inner)


def _states(sight: Sight, service: ServiceStatus) -> str:
    """A bar of the states that the service was in, from the history."""
    values = sight.history.values(f"state {service.id}")
    if not len(values):
        return ""
    looks = ("run", "start", "down")
    rects, start = [], 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] != values[start]:
            value = values[start]
            if value == value:
                x, wide = 100 * start / len(values), 100 * (at - start) / len(values)
                look = looks[int(value)]
                rects.append(f'<rect class="{look}" x="{x:.2f}%" width="{wide:.2f}%" height="16"/>')
            start = at
    changes = sum(a != b for a, b in itertools.pairwise(values))
    said = f"{service.state} now, {format_count(changes, 'change')} of state in this time"
    return (
        f'<svg class="states" role="img" aria-label="{said}" data-part="states">'
        f"{''.join(rects)}</svg>"
    )


def _processes(sight: Sight) -> str:
    """The processes of `--workers`."""
    if not sight.snapshot.workers:
        return ""
    rows = "".join(
        f'<tr><td>worker {each.number}</td><td class="n">{each.pid}</td>'
        f'<td class="n">{words.size(each.rss)}</td>'
        f'<td class="n">{words.duration(each.age)} ago</td></tr>'
        for each in sight.snapshot.workers
    )
    table = (
        '<table><thead><tr><th>Process</th><th class="n">PID</th><th class="n">Memory</th>'
        f'<th class="n">Last answer</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return panel("Processes", table, hint="of --workers", body=False)
