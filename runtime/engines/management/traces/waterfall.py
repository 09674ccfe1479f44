"""Waterfall: a trace as rows, from the request through the queue to the row of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from runtime.engines.management.traces.record import SpanRecord, TraceRecord
from runtime.engines.management.traces.traces import message_ids, message_ids_of
from runtime.units import format_time

State = Literal["ok", "failed", "wait"]

_SECOND = 1_000_000_000


class Row(Struct, frozen=True):
    """A span, or a time in which a message waited, in seconds from the start of the first span."""

    title: str
    depth: int
    began: float
    ended: float
    state: State
    name: str = "wait"
    """The name of the span, such as `http.request`."""
    entry: str = ""
    note: str = ""
    """The error, the outcome, or the commit it was a part of."""
    trace_id: str = ""
    span_id: str = ""
    attributes: Mapping[str, object] = {}
    worker: int | None = None


class Line(Struct, frozen=True):
    """A line of the log, so many seconds after the first span's start."""

    at: float
    level: str
    text: str
    span_id: str


class Waterfall(Struct, frozen=True):
    """A request or message: its first trace, and those of its retries."""

    id: str
    """That of the first trace."""
    title: str
    """`POST /tasks → app:tasks_queue → process_task`."""
    started: str
    """ISO 8601, in UTC."""
    duration: float
    failed: bool
    rows: list[Row]
    lines: list[Line]
    left_out: int = 0


def waterfall(traces: Sequence[TraceRecord]) -> Waterfall:
    """Arrange the traces that belong together, the oldest first."""
    zero = min(span.began for trace in traces for span in trace.spans)
    rows = [*_rows(traces, zero)]
    lines = [
        Line(_seconds(line.at, zero), line.level, line.text, line.span)
        for trace in traces
        for line in trace.lines
    ]
    # Settled in the end: a message that was retried is fine.
    last = max(traces, key=lambda trace: trace.root.began)
    return Waterfall(
        traces[0].id,
        title(traces),
        format_time(zero / _SECOND),
        max(row.ended for row in rows),
        last.root.failed or traces[0].root.failed,
        rows,
        sorted(lines, key=lambda line: line.at),
        sum(trace.left_out for trace in traces),
    )


def title(traces: Sequence[TraceRecord]) -> str:
    """The stations of a request or message, each once."""
    stations: list[str] = []
    for trace in traces:
        for span in sorted(trace.spans, key=lambda span: span.began):
            station = _station(span, trace)
            if station and station not in stations:
                stations.append(station)
    return " → ".join(stations) or traces[0].root.title


def _station(span: SpanRecord, trace: TraceRecord) -> str:
    match span.name:
        case "queue.publish" | "queue.process":
            return span.entry
        case "handler.call":
            # That of a request is as good as named.
            return span.title if trace.root.name != "http.request" else ""
        case "sql.statement":
            return str(span.attributes.get("db.collection.name", ""))
        case name if name.startswith("otel.") and span is not trace.root:
            return ""
    return span.title


def _rows(traces: Sequence[TraceRecord], zero: int) -> Iterator[Row]:
    left: dict[str, int] = {}
    """The time at which a message was last out of hand, by its id."""
    for number, trace in enumerate(traces):
        ids = message_ids(trace) if trace.root.name == "queue.process" else set()
        waiting = [left[id] for id in ids if id in left]
        depth = 1 if number and waiting else 0
        if waiting:
            attempt = trace.root.attributes.get("messaging.message.delivery_attempt", 1)
            what = f"waits in {trace.root.entry}" if attempt == 1 else "waits for its retry"
            since, until = _seconds(min(waiting), zero), _seconds(trace.root.began, zero)
            if until > since:
                yield Row(what, depth, since, until, "wait", entry=trace.root.entry)
        yield from _tree(trace, depth, zero)
        for span in trace.spans:
            if span.name == "queue.publish" or span is trace.root:
                for id in message_ids_of(span):
                    left[id] = span.began + span.duration


def _tree(trace: TraceRecord, depth: int, zero: int) -> Iterator[Row]:
    """The rows of one trace, each below its parent; one whose parent is gone below the first."""
    known = {span.id for span in trace.spans}
    below: dict[str, list[SpanRecord]] = {}
    for span in sorted(trace.spans[1:], key=lambda span: span.began):
        parent = span.parent if span.parent in known else trace.root.id
        below.setdefault(str(parent), []).append(span)
    pending = [(trace.root, depth)]
    while pending:
        span, depth = pending.pop()
        yield _row(span, depth, trace, zero)
        pending += [(child, depth + 1) for child in reversed(below.pop(span.id, []))]


def _row(span: SpanRecord, depth: int, trace: TraceRecord, zero: int) -> Row:
    attempt = span.attributes.get("messaging.message.delivery_attempt")
    began = _seconds(span.began, zero)
    return Row(
        f"{span.title}, attempt {attempt}" if attempt else span.title,
        depth,
        began,
        began + span.duration / _SECOND,
        "failed" if span.failed else "ok",
        span.name,
        span.entry,
        _note(span),
        trace.id,
        span.id,
        span.attributes,
        trace.worker,
    )


def _note(span: SpanRecord) -> str:
    if span.error is not None:
        at = f" at {span.error.place}" if span.error.place else ""
        return f"{span.error.type}: {span.error.text}{at}"
    if status := span.attributes.get("http.response.status_code"):
        return str(status)
    if (outcome := span.attributes.get("runtime.outcome")) not in (None, "ack"):
        return str(outcome)
    commits = [each.fields["statements"] for each in span.events if each.name == "sql.commit"]
    return f"in a commit of {commits[0]}" if commits and commits[0] > 1 else ""


def _seconds(at: int, zero: int) -> float:
    return (at - zero) / _SECOND
