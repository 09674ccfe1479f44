"""Telemetry: the operations of a running application as spans, and those worth keeping as traces.

Spans are made for every request and message, so they are cheap: what is known of an operation
beforehand is bound to a `Tracepoint` when a component is built, and ids get their text when
somebody asks. When the first span of a trace ends, the trace is kept if it was sampled, failed or
was slow, and is dropped otherwise.

Without a sink and a listener telemetry costs nothing: a component asks `enabled` once, when it is
built, and leaves the calls out.
"""

from __future__ import annotations

from runtime.telemetry.span import MOST_SPANS, Event, Note, Root, Span, span_time
from runtime.telemetry.telemetry import OFF, Listener, Sink, Telemetry
from runtime.telemetry.trace_context import TRACEPARENT, Parent, parse_traceparent
from runtime.telemetry.tracepoint import Block, Tracepoint, clear_current, current_span, leave

__all__ = [
    "MOST_SPANS",
    "OFF",
    "TRACEPARENT",
    "Block",
    "Event",
    "Listener",
    "Note",
    "Parent",
    "Root",
    "Sink",
    "Span",
    "Telemetry",
    "Tracepoint",
    "clear_current",
    "current_span",
    "leave",
    "parse_traceparent",
    "span_time",
]
