"""Traces as a program leaves them, made by hand."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from runtime.engines.management.traces.traces import Traces
from runtime.telemetry import Parent, Root, Span, Telemetry, leave

REQUEST, MESSAGE = "request-1", "message-1"


def telemetry_of(traces: Traces, **options: Any) -> Telemetry:
    return Telemetry(sink=traces, **options)


def apart(work: Callable[[], Any]) -> Any:
    """Run in a context of its own, as a task has one."""
    return contextvars.copy_context().run(work)


def request(telemetry: Telemetry, *, status: int = 202, id: str = REQUEST) -> tuple[Root, Span]:
    """A POST whose handler publishes a message; its span, and that of the publication."""

    def work() -> tuple[Root, Span]:
        place = telemetry.tracepoint("http.request", "app:create", "POST /tasks")
        root = place.root()
        call = telemetry.tracepoint("handler.call", "app:create", "create").call()
        send = telemetry.tracepoint("queue.publish", "app:tasks", "send app:tasks").leaf()
        send.own = {"messaging.message.id": MESSAGE}
        send.end()
        leave(call)
        root.own = {"runtime.request.id": id, "http.response.status_code": status}
        if status >= 500:
            root.mark_failed()
        root.end()
        return root, send

    found: tuple[Root, Span] = apart(work)
    return found


def attempt(
    telemetry: Telemetry,
    number: int = 1,
    *,
    parent: Parent | None = None,
    error: BaseException | None = None,
    id: str = MESSAGE,
) -> Root:
    """An attempt at a message, whose handler adds a row."""

    def work() -> Root:
        place = telemetry.tracepoint("queue.process", "app:tasks", "process app:tasks")
        root = place.root(parent)
        call = telemetry.tracepoint("handler.call", "app:work", "work").call()
        insert = telemetry.tracepoint(
            "sql.statement", "app:db", "INSERT tasks", {"db.collection.name": "tasks"}
        ).leaf()
        call.note("info", "working")
        insert.end()
        leave(call, error)
        outcome = "ack" if error is None else "retry"
        root.own = {
            "messaging.message.id": id,
            "messaging.message.delivery_attempt": number,
            "runtime.outcome": outcome,
        }
        if error is not None:
            root.mark_failed()
        root.end()
        return root

    root: Root = apart(work)
    return root


def unfinished(telemetry: Telemetry) -> tuple[Root, Span]:
    """A request, and the call of its handler; neither has ended."""

    def work() -> tuple[Root, Span]:
        root = telemetry.tracepoint("http.request").root()
        return root, telemetry.tracepoint("handler.call").leaf()

    found: tuple[Root, Span] = apart(work)
    return found


def raised(error: BaseException) -> BaseException:
    """The error, with a traceback that ends in this file."""
    try:
        raise error
    except type(error):
        return error
