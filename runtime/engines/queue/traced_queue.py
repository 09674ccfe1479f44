"""TracedQueue: a queue whose publishes are spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.engines.queue.message import copy_headers
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import JoinableTransaction
from runtime.telemetry import TRACEPARENT, Span, Telemetry


class TracedQueue(Queue):
    """A queue whose `publish` is a span, which travels in the header `traceparent`."""

    def __init__(self, *arguments: Any, telemetry: Telemetry, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._telemetry = telemetry

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
        attributes = {"messaging.destination.name": self.id}
        with self._telemetry.span("queue.publish", self.id, **attributes) as span:
            id = await super().publish(
                body,
                self._carrying(span, headers),
                delay,
                unique=unique,
                unique_while=unique_while,
                priority=priority,
                transaction=transaction,
            )
            span.attributes["messaging.message.id"] = id
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
        attributes = {"messaging.destination.name": self.id}
        with self._telemetry.span("queue.publish", self.id, **attributes) as span:
            ids = await super().publish_many(
                bodies,
                self._carrying(span, headers),
                delay,
                priority=priority,
                transaction=transaction,
            )
            span.attributes["messaging.batch.message_count"] = len(ids)
            return ids

    def _carrying(self, span: Span, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """The headers with the span in them, if spans go from program to program."""
        if not self._telemetry.propagates:
            return headers
        given = {} if headers is None else copy_headers(headers)
        return {TRACEPARENT: span.traceparent, **given}
