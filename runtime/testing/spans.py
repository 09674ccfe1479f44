"""Spans: what an application did in a test, step by step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from runtime.telemetry import Root, Span

MOST = 10_000
"""Spans that are remembered."""


class TracedSpan(Struct, frozen=True):
    """One step: a request, the call of a function, a message, a statement."""

    name: str
    """`http.request`, `handler.call`, `queue.publish`, `queue.process`, `sql.statement` or
    `sql.transaction`; of OpenTelemetry's API `otel.internal`, `otel.client` and so on.
    """
    title: str
    """`POST /tasks`, `create_task`, `send app:tasks`, `process app:tasks`, `INSERT tasks`."""
    entry: str
    attributes: Mapping[str, Any]
    failed: bool
    error: str | None
    """The class of the exception that ended it."""
    trace_id: str
    span_id: str
    parent_id: str | None


class Spans:
    """A sink of telemetry that keeps the spans of all traces that have ended."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, TracedSpan]] = deque(maxlen=MOST)

    def keep(self, trace: Root) -> None:
        for span in (trace, *trace.spans):
            self.add(trace, span)
        trace.spans.clear()  # they, and their errors, hold on to the test's objects

    def add(self, trace: Root, span: Span) -> None:
        failed = span.error is not None or (span is trace and trace.failed)
        error = None if span.error is None else type(span.error).__name__
        place = span.tracepoint
        told = TracedSpan(
            place.name, place.title, place.entry, span.attributes, failed, error,
            trace.id, span.span_id, span.parent_id,
        )  # fmt: skip
        self._spans.append((span.began, told))

    def of(self, entry: str | None) -> list[TracedSpan]:
        """Those of one entry, or all, in the order in which they began."""
        ordered = sorted(self._spans, key=lambda each: each[0])
        return [span for _, span in ordered if entry is None or span.entry == entry]
