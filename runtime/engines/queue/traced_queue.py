"""TracedQueue: a queue whose publishes are spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.engines.queue.message import copy_headers
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.tracing import BATCH_COUNT, BATCH_IDS, MESSAGE_ID, MOST_IDS
from runtime.engines.sql.contract import JoinableTransaction
from runtime.telemetry import TRACEPARENT, Span, Telemetry, current_span, span_time


class TracedQueue(Queue):
    """A queue whose `publish` is a span, which travels in the header `traceparent`."""

    def __init__(self, *arguments: Any, telemetry: Telemetry, **options: Any) -> None:
        super().__init__(*arguments, **options)
        attributes = {"messaging.operation.name": "send", "messaging.destination.name": self.id}
        name, title = "queue.publish", f"send {self.id}"
        self._tracepoint = telemetry.tracepoint(name, self.id, title, attributes, _describe)
        self._batch = telemetry.tracepoint(name, self.id, title, attributes)
        self._propagates = telemetry.propagates

    async def publish(
        self,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        unique: str | None = None,
        unique_while: str = "waiting",
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> str:
        """As `Queue.publish`; a `traceparent` among `headers` stays."""
        around, began, span = current_span(), span_time(), None
        if self._propagates and (around is None or around.trace.sampled):
            span = self._tracepoint.leaf()
        try:
            id = await Queue.publish(
                self,
                body,
                headers if span is None else _carrying(span, headers),
                delay,
                unique=unique,
                unique_while=unique_while,
                priority=priority,
                transaction=transaction,
            )
        except BaseException as error:
            if span is None:
                self._tracepoint.finish(around, began, None, error)
            else:
                span.fail(error)
            raise
        if span is None:
            self._tracepoint.finish(around, began, id)
        else:
            span.subject = id
            span.end()
        return id

    async def publish_many(
        self,
        bodies: Iterable[Any],
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> list[str]:
        """As `Queue.publish_many`, all as one span."""
        span = self._batch.leaf()
        try:
            ids = await super().publish_many(
                bodies,
                _carrying(span, headers) if self._propagates else headers,
                delay,
                priority=priority,
                transaction=transaction,
            )
        except BaseException as error:
            span.fail(error)
            raise
        span.own = {BATCH_COUNT: len(ids), BATCH_IDS: ids[:MOST_IDS]}
        span.end()
        return ids


def _carrying(span: Span, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """The headers with the span in them, if its trace is kept on the other side too."""
    if not span.trace.sampled:
        return headers
    given = {} if headers is None else copy_headers(headers)
    return {TRACEPARENT: span.traceparent, **given}


def _describe(id: str) -> dict[str, str]:
    return {MESSAGE_ID: id}
