"""Tracer: makes the spans that code asks of OpenTelemetry's API, as spans of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time_ns
from typing import Any

from opentelemetry import trace as api
from opentelemetry.context.context import Context
from opentelemetry.util._decorator import _agnosticcontextmanager

from runtime.telemetry.opentelemetry.span import JoinedSpan
from runtime.telemetry.span import Root, Span, span_time
from runtime.telemetry.telemetry import OFF, Telemetry
from runtime.telemetry.trace_context import Parent
from runtime.telemetry.tracepoint import Tracepoint


class Tracer(api.Tracer):
    """A span outside of all others begins a trace, which is kept as any other is."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: api.SpanKind = api.SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[api.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> api.Span:
        above = api.get_current_span(context)
        telemetry, entry = self._provider.telemetry, ""
        if isinstance(above, JoinedSpan):
            telemetry, entry = above.span.tracepoint.telemetry, above.span.entry
        if not telemetry.enabled:
            return api.NonRecordingSpan(above.get_span_context())
        place = telemetry.tracepoint(f"otel.{kind.name.lower()}", entry, name)
        span = _begin(place, above)
        if start_time is not None:
            span.began = span_time() - (time_ns() - start_time) / 1e9
        if isinstance(span, Root) and links:
            span.links = tuple(_parent(link.context) for link in links)
        joined = JoinedSpan(span)
        joined.set_attributes(attributes or {})
        return joined

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: api.SpanKind = api.SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[api.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[api.Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with api.use_span(span, end_on_exit, record_exception, set_status_on_exception) as used:
            yield used


class Provider(api.TracerProvider):
    """Of one tracer for all libraries."""

    def __init__(self) -> None:
        self.telemetry: Telemetry = OFF
        """That of spans outside of requests and messages."""
        self._tracer = Tracer(self)

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return self._tracer


_provider = Provider()


def provide(telemetry: Telemetry) -> None:
    """Be the provider of this process, unless there is one."""
    _provider.telemetry = telemetry
    if isinstance(api.get_tracer_provider(), api.ProxyTracerProvider):
        api.set_tracer_provider(_provider)


def _begin(place: Tracepoint, above: api.Span) -> Span:
    if isinstance(above, JoinedSpan):
        return place.below(above.span)
    context = above.get_span_context()
    return place.apart(_parent(context) if context.is_valid else None)


def _parent(context: api.SpanContext) -> Parent:
    trace, span = api.format_trace_id(context.trace_id), api.format_span_id(context.span_id)
    return Parent(trace, span, context.trace_flags.sampled)
