"""JoinedSpan: a span of ours as the API of OpenTelemetry has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from opentelemetry import trace as api

from runtime.telemetry.span import MOST_NOTES, Span, span_time

EXCEPTION = "exception"
"""The name of the event that an exception is."""
MOST_ATTRIBUTES = 128
"""Attributes that may be set, as in the SDK; further ones are dropped."""


class StatusError(Exception):
    """The status of a span is an error, and no exception was recorded."""


class JoinedSpan(api.Span):
    """Takes attributes, events and the status for it."""

    def __init__(self, span: Span, *, is_owned: bool = True) -> None:
        """Ends the span only if it is its owner's."""
        self.span = span
        self._is_owned = is_owned
        self._exception: BaseException | None = None

    def end(self, end_time: int | None = None) -> None:
        span = self.span
        if not self._is_owned or span.ended:
            return
        took = None if end_time is None else max(0, end_time - span.started)
        if span.error is None:
            span.end()
        else:
            span.fail(span.error)
        if took is not None:
            span.ended = span.began + took / 1e9

    def get_span_context(self) -> api.SpanContext:
        span, flags = self.span, api.TraceFlags(self.span.trace.sampled)
        return api.SpanContext(int(span.trace_id, 16), span.number, False, flags)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: Any) -> None:
        if self.span.own is None:
            self.span.own = {}
        if key in self.span.own or len(self.span.own) < MOST_ATTRIBUTES:
            self.span.own.update(_valid({key: value}))

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
    ) -> None:
        span = self.span
        if span.events is None:
            span.events = []
        if len(span.events) < MOST_NOTES:
            now = span_time()
            at = now if timestamp is None else span.began + (timestamp - span.started) / 1e9
            span.events.append((at, name, _valid(attributes or {})))

    def update_name(self, name: str) -> None:
        if self._is_owned:
            self.span.tracepoint = replace(self.span.tracepoint, title=name)

    def is_recording(self) -> bool:
        return not self.span.ended

    def set_status(
        self, status: api.Status | api.StatusCode, description: str | None = None
    ) -> None:
        code = status
        if isinstance(status, api.Status):
            code, description = status.status_code, status.description
        if self._is_owned:
            is_error = code is api.StatusCode.ERROR
            error = self._exception or StatusError(description or "")
            self.span.error = error if is_error else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._exception = exception
        told = {"exception.type": type(exception).__qualname__, "exception.message": str(exception)}
        self.add_event(EXCEPTION, {**told, **(attributes or {})}, timestamp)


def _valid(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the types that OpenTelemetry allows, and lists of them."""
    found = {}
    for key, value in attributes.items():
        values = value if isinstance(value, list | tuple) else [value]
        if all(isinstance(each, str | bool | int | float) for each in values):
            found[str(key)] = [*value] if values is value else value
    return found


def foreign_span(span: api.Span, current: Span | None) -> Span | None:
    """A stand-in for a span of another provider, for those of ours that begin below it; the current
    one if it is no part of its trace.
    """
    context = span.get_span_context()
    if current is None or not context.is_valid or context.trace_id != int(current.trace_id, 16):
        return current
    if context.span_id == current.number:
        return current
    place, root = current.tracepoint, current.trace
    return Span(place, span_time(), parent=current, root=root, assigned=context.span_id)
