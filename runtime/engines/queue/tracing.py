"""Tracing: the spans of messages on their way to a handler."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import NO_HEADERS, Message
from runtime.engines.queue.publication_tracer import MESSAGE_ID, MOST_IDS, batch_attributes
from runtime.telemetry import (
    TRACEPARENT,
    Parent,
    Root,
    Telemetry,
    clear_current,
    parse_traceparent,
)

ATTEMPT, OUTCOME = "messaging.message.delivery_attempt", "runtime.outcome"


class MessageTracer:
    """Makes the spans of one consumer's messages.

    The first attempt is a part of the trace that published the message. A later one begins a trace
    of its own, with a link: it may come hours later.
    """

    def __init__(self, telemetry: Telemetry, queue: str) -> None:
        self.listens = telemetry.listener is not None
        """True if each end is told to somebody, so that no settlement may take a short cut."""
        self._telemetry = telemetry
        attributes = {"messaging.operation.name": "process", "messaging.destination.name": queue}
        name, title = "queue.process", f"process {queue}"
        self._single = telemetry.tracepoint(name, queue, title, attributes, _describe)
        self._batch = telemetry.tracepoint(name, queue, title, attributes, _describe_batch)
        self.root = self._single.root
        """Begins the span of a first attempt whose message has no headers, and so no parent; its
        delivery is the subject.
        """

    def begin(self, delivery: Delivery, began: float) -> Root:
        """Begin the span of a message that was handed out at that time, which is then the current
        one.
        """
        message = delivery.message
        parent = None if message.headers is NO_HEADERS else _parent(message)
        if message.attempt == 1:
            return self._single.root(parent, delivery, began)
        span = self._single.root(None, delivery, began)
        span.links = () if parent is None else (parent,)
        if self._telemetry.remote.admits():  # or nobody would see how the failure ended
            span.wanted = True
        return span

    def begin_batch(self, deliveries: Sequence[Delivery]) -> Root:
        """Begin the span of a batch: a trace of its own, since its messages are of many."""
        span = self._batch.root(None, deliveries)
        parents = (_parent(delivery.message) for delivery in deliveries[:MOST_IDS])
        span.links = tuple(filter(None, parents))
        return span

    def end(self, span: Root, delivery: Delivery, settling: asyncio.Task[None] | None) -> None:
        """End the span of a message that is not simply acked, once it is settled."""
        if settling is None:
            _end_settled(span, delivery)
        else:
            settling.add_done_callback(partial(_end_settled, span, delivery))

    def end_batch(self, span: Root, deliveries: Sequence[Delivery]) -> None:
        """End the span of a batch, whose messages are settled."""
        clear_current()
        if any(delivery.failed for delivery in deliveries):
            span.mark_failed()
        span.end()


def _end_settled(span: Root, delivery: Delivery, settled: object = None) -> None:
    if delivery.failed:
        span.mark_failed()
    span.end()


def _describe(delivery: Delivery) -> dict[str, Any]:
    attributes: dict[str, Any] = {MESSAGE_ID: delivery.id, ATTEMPT: delivery.attempt}
    if delivery.settled:  # else it is in hand, or was released
        attributes[OUTCOME] = delivery.outcome or "ack"
    return attributes


def _describe_batch(deliveries: Sequence[Delivery]) -> dict[str, Any]:
    return {
        MESSAGE_ID: deliveries[0].id,
        ATTEMPT: deliveries[0].attempt,
        **batch_attributes([delivery.id for delivery in deliveries]),
    }


def _parent(message: Message) -> Parent | None:
    header = message.headers.get(TRACEPARENT)
    return None if header is None else parse_traceparent(header)
