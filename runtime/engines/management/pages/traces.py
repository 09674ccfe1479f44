"""Traces: those that are remembered, the newest first, and one as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.management.pages import words
from runtime.engines.management.pages.finder import finder, row
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import (
    badge,
    chip,
    current,
    e,
    empty,
    icon,
    mono,
    pairs,
    panel,
    path,
    query,
)
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.time_axis import TimeAxis
from runtime.engines.management.traces.routes import TraceSummary
from runtime.engines.management.traces.waterfall import Line, Row, Waterfall
from runtime.units import format_count

_GROUPS = {"http": "http", "queue": "queue", "sql": "data", "handler": "func", "wait": "queue"}
_LEVELS = {"warning": "warn", "error": "bad", "critical": "bad"}
_DEEPEST = 3
"""Levels that are indented; what is below is as deep."""


def render_all(sight: Sight, found: Sequence[TraceSummary], only: str = "", find: str = "") -> str:
    """The list; `only` is `failed` or `slow`."""
    rows = "".join(
        row(_entry(each, sight), f"{each.title} {each.entry} {each.id}", find, "li")
        for each in found
    )
    picks = "".join(
        f'<a href="{query("/traces", only=each) if each else "/traces"}"{current(each == only)}>'
        f"{label}</a>"
        for each, label in (("", "All"), ("failed", "Failed"), ("slow", "Slow"))
    )
    none = "None is remembered yet. Each that fails or is slow is kept, and a sample of the others."
    inner = f'<ul class="list">{rows}</ul>' if rows else empty(none)
    side = f'<span class="pick">{picks}</span>{finder("name, entry or id", find)}'
    shown = panel("Kept traces", inner, hint="the newest first", side=side, body=False)
    return frame("traces", "Traces", sight, f'<div class="stack">{shown}</div>')


def _entry(each: TraceSummary, sight: Sight) -> str:
    told = f"{format_count(each.spans, 'span')} · {each.entry}"
    state = chip("failed", "bad", "x") if each.failed else ""
    group = "http" if each.request_id else "work"
    return (
        f'<a class="row" href="{path("traces", each.id)}">{badge(group)}<div>'
        f'<p class="t mono">{e(each.title)}</p><p class="sub">{e(told)}</p></div>'
        f'<span class="end">{state} <b>{words.duration(each.duration)}</b><br>'
        f"{words.moment(each.started, sight.now)}</span></a>"
    )


def render_one(sight: Sight, found: Waterfall) -> str:
    """One trace: from the request through the queue to the row."""
    axis = TimeAxis(
        [(each.began, each.ended) for each in found.rows if each.state == "wait"], found.duration
    )
    state = chip("failed", "bad", "x") if found.failed else chip("done", "ok", "ok")
    retries = sum(each.title.startswith("waits for its retry") for each in found.rows)
    side = state + chip(f"took {words.duration(found.duration)}")
    side += chip(format_count(retries, "retry", "retries"), "warn", "retry") * bool(retries)
    rows = "".join(_span(number, each, axis, found.lines) for number, each in enumerate(found.rows))
    water = (
        '<div class="water"><span class="hd">Span</span>'
        f'<span class="hd">{axis.draw()}</span><span class="hd">Took</span>{rows}</div>'
    )
    legend = (
        '<div class="body gap"><p class="sub legend"><span><svg width="26" height="10"'
        ' aria-hidden="true" class="tm"><rect class="wait" width="26" height="10" rx="3"/></svg>'
        'waiting, drawn shorter than it was</span><span class="c-bad"><i></i>failed</span>'
        '<span><svg width="8" height="8" aria-hidden="true" class="tm"><circle cx="4" cy="4"'
        ' r="2.6"/></svg>a log line</span></p></div>'
    )
    left = (
        f'<p class="empty">{format_count(found.left_out, "span")} more were left out.</p>'
        if found.left_out
        else ""
    )
    body = f"""<div class="stack">{panel(found.title, water + legend + left, side=side, body=False)}
<div class="two">{_log(found.lines)}{_spans(found.rows)}</div></div>"""
    head = f'Trace <span class="mono sub">{e(found.id[:8])}…{e(found.id[-4:])}</span>'
    when = f'<span class="sub wide">{words.moment(found.started, sight.now)}</span>'
    copy = (
        f'<button class="btn" type="button" data-copy="{e(found.id)}" aria-label="Copy the id"'
        f" hidden>{icon('copy')}<span>id</span></button>"
    )
    return frame("traces", "Trace", sight, body, head=head, side=when + copy)


def _group(each: Row) -> str:
    return "work" if each.name == "queue.process" else _GROUPS.get(each.name.split(".")[0], "proc")


def _span(number: int, each: Row, axis: TimeAxis, lines: Sequence[Line]) -> str:
    """A row of the waterfall, which leads to what is told of it."""
    level = min(each.depth, _DEEPEST)
    group = _group(each)
    sign = badge(group) if level < 2 else ""
    failed = icon("error", "c-bad") if each.state == "failed" else ""
    dots = [line for line in lines if line.span_id and line.span_id == each.span_id]
    tone = "bad" if each.state == "failed" else group
    entry = each.entry if each.entry not in each.title else ""
    return (
        f'<a class="sp" href="#span-{number}"><span class="nm l{level}">{sign}'
        f'<span class="mono">{e(each.title)} <small>{e(entry)}</small></span>{failed}</span>'
        f'<span class="tm"><svg aria-hidden="true">{axis.rules()}'
        f"{axis.bar(each.began, each.ended, tone, waits=each.state == 'wait')}"
        f"{''.join(axis.dot(line.at, line.level in _LEVELS) for line in dots)}</svg></span>"
        f'<span class="du">{words.duration(each.ended - each.began)}</span></a>'
    )


def _log(lines: Sequence[Line]) -> str:
    rows = "".join(
        f"<li><time>+{words.duration(max(0.0, each.at))}</time>"
        f'<span class="lv c-{_LEVELS.get(each.level, "mute")}">{e(each.level)}</span>'
        f"<span>{e(each.text)}</span></li>"
        for each in lines
    )
    told = format_count(len(lines), "line") + " with this trace"
    inner = (
        f'<ol class="log" tabindex="0" aria-label="Log">{rows}</ol><p class="gap"></p>'
        if rows
        else empty("The log has nothing of it.")
    )
    return panel("What was said meanwhile", inner, hint=told, body=False)


def _spans(rows: Sequence[Row]) -> str:
    """What is told of each span. The script shows one at a time."""
    boxes = "".join(
        f'<div class="gap" data-span id="span-{number}"><p class="cell">{badge(_group(each))}'
        f'<b class="mono">{e(each.title)}</b></p><div class="gap">{_facts(each)}</div></div>'
        for number, each in enumerate(rows)
    )
    return (
        '<section class="panel" aria-live="polite"><header><h2>Span</h2></header>'
        f'<div class="body">{boxes}</div></section>'
    )


def _facts(each: Row) -> str:
    facts: list[tuple[str, object]] = [("took", words.duration(each.ended - each.began))]
    facts += [("entry", each.entry)] if each.entry else []
    facts += [("note", each.note)] if each.note else []
    facts += [(name, value) for name, value in each.attributes.items()]
    facts += [("worker", each.worker)] if each.worker is not None else []
    return pairs([(name, mono(value)) for name, value in facts])
