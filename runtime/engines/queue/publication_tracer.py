"""PublicationTracer: makes the spans of messages on their way into a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.engines.queue.message import copy_headers
from runtime.telemetry import TRACEPARENT, Block, Span, Telemetry

MESSAGE_ID = "messaging.message.id"
BATCH_COUNT, BATCH_IDS = "messaging.batch.message_count", "runtime.message.ids"

MOST_IDS = 32
"""Messages that the span of a batch names."""


class PublicationTracer:
    """Makes the spans of what is published to one queue."""

    def __init__(self, telemetry: Telemetry, queue: str) -> None:
        attributes = {"messaging.operation.name": "send", "messaging.destination.name": queue}
        name, title = "queue.publish", f"send {queue}"
        self.single = telemetry.tracepoint(name, queue, title, attributes, _describe_sent)
        self._batch = telemetry.tracepoint(name, queue, title, attributes)
        self._propagates = telemetry.propagates

    def begin(self) -> Span | None:
        """Begin the span of a publication in a sampled trace, if messages carry that."""
        return self.single.leaf() if self._propagates else None

    def end(self, span: Span | None, around: Span | None, began: float, id: str) -> None:
        """End what `begin` began, or what began at a time below `around`, with the id of the
        message.
        """
        if span is None:
            self.single.finish(around, began, id)
        else:
            span.subject = id
            span.end()

    def fail(
        self, span: Span | None, around: Span | None, began: float, error: BaseException
    ) -> None:
        """End it with an error."""
        if span is None:
            self.single.finish(around, began, None, error)
        else:
            span.fail(error)

    def batch(self) -> Block:
        """A span around the publication of many."""
        return self._batch.block()

    def carry(self, span: Span, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """The headers with the span in them, if its trace is kept on the other side too; one that
        is given stays.
        """
        if not self._propagates or not span.trace.sampled:
            return headers
        given = {} if headers is None else copy_headers(headers)
        return {TRACEPARENT: span.traceparent, **given}


def batch_attributes(ids: Sequence[str]) -> dict[str, Any]:
    """The attributes of the span of messages that were published together."""
    return {BATCH_COUNT: len(ids), BATCH_IDS: ids[:MOST_IDS]}


def _describe_sent(id: str) -> dict[str, str]:
    return {MESSAGE_ID: id}
