"""OTLP: traces in the JSON of the OpenTelemetry protocol, as a collector takes them by HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from runtime import __version__
from runtime.engines.management.traces.record import SpanRecord, TraceRecord

_KINDS = {
    "http.request": 2, "queue.publish": 4, "queue.process": 5,
    "otel.server": 2, "otel.client": 3, "otel.producer": 4, "otel.consumer": 5,
}  # fmt: skip
_INTERNAL, _CLIENT = 1, 3
_SAMPLED = 1
_ERROR = 2
_EXCEPTION = "exception"


def encode(traces: Iterable[TraceRecord], resource: Mapping[str, str]) -> bytes:
    """The body of a request to `/v1/traces`. `resource` says who sends."""
    spans = [span for trace in traces for span in _spans(trace)]
    scope = {"name": "runtime", "version": __version__}
    return msgspec.json.encode(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeSpans": [{"scope": scope, "spans": spans}],
                }
            ]
        }
    )


def _spans(trace: TraceRecord) -> Iterator[dict[str, Any]]:
    for span in trace.spans:
        found: dict[str, Any] = {
            "traceId": trace.id,
            "spanId": span.id,
            "flags": _SAMPLED if trace.sampled else 0,
            "name": span.title,
            "kind": _kind(span),
            # 64 bits are text in the JSON of protocol buffers
            "startTimeUnixNano": str(span.began),
            "endTimeUnixNano": str(span.began + span.duration),
            "attributes": _attributes({"runtime.entry": span.entry, **span.attributes}),
            "events": [*_events(span, trace)],
        }
        if span.parent is not None:
            found["parentSpanId"] = span.parent
        if span is trace.root and trace.links:
            found["links"] = [{"traceId": id, "spanId": of} for id, of in trace.links]
        if span.failed:
            message = span.error.text if span.error else ""
            found["status"] = {"code": _ERROR, "message": message}
        yield found


def _kind(span: SpanRecord) -> int:
    if span.name.startswith("sql."):
        return _CLIENT
    return _KINDS.get(span.name, _INTERNAL)


def _events(span: SpanRecord, trace: TraceRecord) -> Iterator[dict[str, Any]]:
    for event in span.events:
        yield _event(event.at, event.name, event.fields)
    for line in trace.lines:
        if line.span == span.id:
            yield _event(line.at, "log", {"log.severity": line.level, "log.message": line.text})
    if span.error is not None and all(event.name != _EXCEPTION for event in span.events):
        fields = {"exception.type": span.error.type, "exception.message": span.error.text}
        yield _event(span.began + span.duration, _EXCEPTION, fields)


def _event(at: int, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"timeUnixNano": str(at), "name": name, "attributes": _attributes(fields)}


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}
