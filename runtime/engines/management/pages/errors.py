"""Errors: what failed, grouped by type and place, and what the program did about it."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.management.pages import words
from runtime.engines.management.pages.finder import finder, row
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import badge, chip, e, empty, mono, panel, path
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.traces.errors import ErrorGroup
from runtime.units import format_count


def render(sight: Sight, failures: Sequence[ErrorGroup], find: str = "") -> str:
    rows = "".join(
        row(_row(each, sight), f"{each.type} {each.text} {each.place} {each.entry}", find, "li")
        for each in failures
    )
    listed = (
        f'<ul class="list">{rows}</ul>'
        if failures
        else empty("Nothing failed since the program started, or what failed was long ago.")
    )
    shown = panel(
        "Grouped by type and place", listed, hint="the newest first",
        side=finder("type, file or message", find), body=False,
    )  # fmt: skip
    body = f'<div class="stack">{shown}{_program(sight)}</div>'
    head = "Errors"
    if failures:
        head += chip(format_count(len(failures), "kind"), "bad", "error")
    return frame("errors", "Errors", sight, body, head=head)


def _row(failure: ErrorGroup, sight: Sight) -> str:
    tone = "bad" if failure.level in ("error", "critical") else "warn"
    if failure.trace_id:
        address = path("traces", failure.trace_id)
    else:
        address = path("entries", failure.entry) if failure.entry else "/errors"
    group = "http" if failure.request_id else "work"
    told = failure.place or "outside of the application's code"
    return (
        f'<a class="row" href="{address}">{badge(group)}<div>'
        f'<p class="t">{e(failure.type)}: {e(failure.text)}</p>'
        f'<p class="sub">{mono(told)} · {e(failure.entry)}</p></div>'
        f'<span class="end">{chip(f"{failure.count:,}", tone)}<br>'
        f"{words.moment(failure.last, sight.now)}</span></a>"
    )


def _program(sight: Sight) -> str:
    """Restarts and the blocked loop."""
    rows = []
    blocked = sight.snapshot.blocked
    if blocked is not None:
        rows.append(
            (
                "work",
                f"The event loop is blocked, for {words.duration(blocked.seconds)} now",
                f"{blocked.where or ''} in {blocked.entry or 'code of no entry'}",
                "now",
            )
        )
    elif sight.snapshot.lag.max_15m >= 1:
        longest = words.duration(sight.snapshot.lag.max_15m)
        told = "a call that does not await; the log names its line"
        rows.append(("work", f"The event loop was late by {longest}", told, "15 min"))
    for service in sight.snapshot.services:
        if service.restarts or service.error:
            title = (
                f"{service.id} was started again {format_count(service.restarts, 'time')}"
                if service.restarts
                else f"{service.id} failed"
            )
            rows.append(("proc", title, service.error or "", service.state))
    inner = "".join(
        f'<li><div class="row">{badge(group)}<div><p class="t">{e(title)}</p>'
        f'<p class="sub">{e(sub)}</p></div><span class="end">{chip(said)}</span></div></li>'
        for group, title, sub, said in rows
    )
    listed = f'<ul class="list">{inner}</ul>' if rows else empty("No restart, and no blocked loop.")
    return panel("What the program did", listed, hint="restarts and the event loop", body=False)
