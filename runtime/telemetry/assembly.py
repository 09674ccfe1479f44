"""Assembly: makes spans of what a trace has noted of them, once it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runtime.telemetry.span import Event, Root, Span

CALL = "handler.call"
"""The name of the spans that others are found to be below: a call of a handler sets no current
span, which would cost as much as all else of it. One request or message has one at a time.
"""

_NOTHING: list[Any] = [None] * 3
"""The subject, error and event of a step that has none of them, and ends before."""


def assemble(root: Root) -> None:
    """Have `spans` of a trace be all `Span`s, those within a handler's call below that."""
    root.spans = spans = [_span(root, each) for each in root.steps or root.spans]
    root.steps = None
    calls = [span for span in spans if span.parent is root and span.name == CALL]
    for span in spans:
        if span.parent is root and span.name != CALL:
            span.parent = _around(calls, span.began) or root
    if root.notes is not None:
        root.notes = [
            note._replace(span=_around(calls, note.at) or root) if note.span is root else note
            for note in root.notes
        ]


def _span(root: Root, noted: Any) -> Span:
    if isinstance(noted, Span):
        return noted
    tracepoint, parent, began, ended, *rest = noted
    subject, error, event = rest + _NOTHING[len(rest) :]
    if tracepoint.resolve is not None:
        tracepoint, subject = tracepoint.resolve(subject), None
    return Span(
        tracepoint,
        began,
        subject,
        parent=parent,
        root=root,
        ended=ended,
        error=error,
        events=events_since(began, event),
    )


def events_since(began: float, event: Event | None) -> list[Event] | None:
    """The events of a span that has noted the last one that it may have."""
    return [event] if event is not None and event[0] >= began else None


def _around(calls: Iterable[Span], at: float) -> Span | None:
    return next((call for call in calls if call.began <= at <= call.ended), None)
