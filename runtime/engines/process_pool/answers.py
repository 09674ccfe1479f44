"""Answers: what the application does for a function in a process of its own, and tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.engines.process_pool.remote import (
    STORE_METHODS,
    RemoteDelivery,
    RemoteQueue,
    asked_methods,
)
from runtime.engines.queue.blocking import wait
from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.message import NO_HEADERS
from runtime.engines.queue.queue import Queue
from runtime.handlers.context import ApplicationContext, call
from runtime.service import Unavailable

_METHODS = {
    "queue": frozenset(asked_methods(RemoteQueue)),
    "message": frozenset(asked_methods(RemoteDelivery)),
    "store": STORE_METHODS,
}


def answer(scope: ApplicationContext, what: str, *values: Any) -> Any:
    """The answer to a question. Raises what the function is to see; blocks like its call."""
    match what, *values:
        case "id", text, within:
            return scope.id(text, within)
        case "component", text, within:
            id = scope.id(text, within)
            component = scope.components.get(id)
            attempts = component.max_attempts if isinstance(component, Queue) else None
            return str(id), scope.fields[id]["kind"], attempts
        case "fields", id:
            return dict(scope.fields[id])
        case "ids", *_:
            return [*scope.fields]
        case "call", (family, *id), name, arguments, named if name in _METHODS[family]:
            if family == "message":
                return wait(getattr(call().subject, name)(*arguments, **named))
            component = scope.component(id[0], "")
            if family == "queue":
                return _of_queue(component, name, arguments, named)
            return getattr(component.blocking, name)(*arguments, **named)
    raise LookupError(f"a process asked for '{what}'")


def _of_queue(queue: Queue, name: str, arguments: Any, named: Any) -> Any:
    try:
        return wait(getattr(queue, name)(*arguments, **named))
    except (Full, Unavailable) as error:
        here = call()
        ids = here.subject.log_ids
        if name == "publish" and "request_id" not in ids:  # an answer of 503 is logged as such
            queue.refusals.refused(error, str(here.entry), ids)
        raise


def find(scope: ApplicationContext) -> Callable[[Any], Any]:
    """The counterparts of what a process names in its questions and results."""

    def counterpart(name: Any) -> Any:
        match name:
            case ["no headers"]:
                return NO_HEADERS
            case "message", _:
                subject = call().subject
                return subject if isinstance(subject, Delivery) else None
            case "queue", id, _, is_blocking:
                queue = scope.component(id, "")
                return queue.blocking if is_blocking else queue
        raise LookupError(name)

    return counterpart
