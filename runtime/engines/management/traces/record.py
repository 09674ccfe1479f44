"""Record: a trace that was kept, as values that outlive the objects it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from runtime.handlers.place import fault_of
from runtime.log.log import text_of
from runtime.telemetry import Root, Span

LONGEST_TEXT = 500
"""Characters of an error's text, of a log line, and of an attribute's value."""


class SpanError(Struct, frozen=True):
    """The exception that ended a span."""

    type: str
    text: str
    place: str = ""
    """`file:line` in the application's code; empty if it was raised elsewhere."""


class SpanEvent(Struct, frozen=True):
    """Something that happened within a span."""

    at: int
    """Nanoseconds since 1970."""
    name: str
    fields: Mapping[str, Any]


class SpanRecord(Struct, frozen=True):
    """One span."""

    id: str
    parent: str | None
    name: str
    """`http.request`, `queue.process` and so on; see `Tracepoint`."""
    title: str
    entry: str
    began: int
    """Nanoseconds since 1970."""
    duration: int
    """Nanoseconds."""
    attributes: Mapping[str, Any]
    failed: bool = False
    error: SpanError | None = None
    events: tuple[SpanEvent, ...] = ()


class LogLine(Struct, frozen=True):
    """A line of the log that was written within a trace."""

    at: int
    span: str
    level: str
    text: str


class TraceRecord(Struct):
    """The part of a trace that this program has. Spans that end later are added to it."""

    id: str
    spans: list[SpanRecord]
    """The first one, whose end decided that the trace is kept, then the others as they ended."""
    links: tuple[tuple[str, str], ...] = ()
    """Trace id and span id of what led to it in other traces."""
    lines: tuple[LogLine, ...] = ()
    left_out: int = 0
    """Spans that were too many."""
    sampled: bool = False
    worker: int | None = None
    """Number of the worker process, if there are several."""

    @property
    def root(self) -> SpanRecord:
        return self.spans[0]


def record(root: Root, redact: Callable[[str], str], folder: str) -> TraceRecord:
    """Make the record of a trace. `redact` takes secrets out of texts; places are relative to the
    application's `folder`.
    """
    spans = [span_record(span, root, redact, folder) for span in (root, *root.spans)]
    lines = [
        LogLine(root.since_1970(note.at), note.span.span_id, note.level, note.text[:LONGEST_TEXT])
        for note in root.notes or ()
    ]
    return TraceRecord(
        root.id,
        spans,
        tuple((link.trace_id, link.span_id) for link in root.links),
        tuple(lines),
        root.left_out,
        root.sampled,
    )


def span_record(span: Span, root: Root, redact: Callable[[str], str], folder: str) -> SpanRecord:
    """Make the record of one span of a trace."""
    return SpanRecord(
        span.span_id,
        span.parent_id,
        span.name,
        span.tracepoint.title,
        span.entry,
        root.since_1970(span.began),
        # of a first span that goes on, while one after it has failed
        max(0, span.duration or 0),
        _fields(span.attributes, redact),
        span.error is not None or (span is root and root.failed),
        None if span.error is None else _error(span.error, redact, folder),
        tuple(
            SpanEvent(root.since_1970(at), name, _fields(fields, redact))
            for at, name, fields in span.events or ()
        ),
    )


def _error(error: BaseException, redact: Callable[[str], str], folder: str) -> SpanError:
    text = redact(text_of(error, str))[:LONGEST_TEXT]
    return SpanError(type(error).__qualname__, text, fault_of(error, folder))


def _fields(values: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    return {name: _value(value, redact) for name, value in values.items()}


def _value(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):  # a client may choose a request's id
        return redact(value)[:LONGEST_TEXT]
    if isinstance(value, list | tuple):
        return [_value(each, redact) for each in value]
    return value
