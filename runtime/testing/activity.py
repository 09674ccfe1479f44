"""Activity: what an application has in hand, what failed, and a sign when that changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

import msgspec

from runtime.engines.queue.error_text import describe
from runtime.engines.queue.outcome import Retry
from runtime.engines.queue.publication_tracer import MESSAGE_ID
from runtime.engines.queue.tracing import ATTEMPT
from runtime.engines.schedule.target import Run
from runtime.engines.schedule.times import shown
from runtime.handlers.context import current
from runtime.handlers.threads import call_threadsafe
from runtime.telemetry import Span
from runtime.testing.failure import Failure


class Work(msgspec.Struct, eq=False, kw_only=True):
    """A message or a request that is in hand."""

    queue: str = ""
    """The id of the message's queue; empty for a request."""
    id: str = ""
    """The id of the message."""
    name: str
    """`message 5f… of app:tasks_queue, attempt 2`, or `POST /tasks`."""
    entry: str = ""
    """The entry whose handler has it; empty until that is called."""
    since: float
    """Real time, of the monotonic clock."""
    task: asyncio.Task[Any] | None


class Activity:
    """A telemetry listener. Belongs to the event loop that it is made on; told by any thread."""

    def __init__(self, deaths: list[str]) -> None:
        """`deaths` gets a line of text for each dead letter."""
        self.in_hand: dict[str, Work] = {}
        """By the id of the span."""
        self.failures: list[Failure] = []
        """Those that no drain has reported yet."""
        self._deaths = deaths
        self.changes = 0
        """Counts what happened, whatever it was."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread = 0
        """The identifier of the loop's thread."""
        self._waiting: asyncio.Future[None] | None = None

    def attach(self) -> None:
        """Called on the event loop of the application."""
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()

    @contextmanager
    def handling(self, queue: str, attempt: int) -> Iterator[Work]:
        """In the block, a message that came to a consumer past its queue is in hand."""
        name = f"a message for {queue}, attempt {attempt}"
        work = Work(queue=queue, name=name, since=monotonic(), task=None)
        self.in_hand[name] = work
        try:
            yield work
        finally:
            del self.in_hand[name]

    def take_failures(self) -> list[Failure]:
        """The failures of messages since the last time."""
        taken, self.failures = self.failures, []
        return taken

    async def changed(self, seen: int) -> None:
        """Wait until `changes` is not `seen` any more."""
        while self.changes == seen:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiting)

    def span_started(self, span: Span) -> None:
        match span.name:
            case "queue.process":
                id, attempt = span.attributes[MESSAGE_ID], span.attributes[ATTEMPT]
                name = f"message {id} of {span.entry}, attempt {attempt}"
                self._begin(span, name, span.entry, id)
            case "http.request":
                method = span.attributes["http.request.method"]
                self._begin(span, f"{method} {span.attributes.get('http.route', '')}".strip())
            case "handler.call" if (work := self._work_of_task()) is not None:
                work.entry = span.entry

    def span_ended(self, span: Span) -> None:
        if span.name == "handler.call" and span.error is not None:
            self._failed(span.entry, span.error)
        self.in_hand.pop(span.span_id, None)
        if not span.name.startswith("sql."):  # such as a look at a queue, to see if it is quiet
            self._change()

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        if name == "message.settled":
            self._settled(entry, fields)
        self._change()

    def _failed(self, entry: str, error: BaseException) -> None:
        call = current.get(None)
        if call is not None and isinstance(call.subject, Run):
            name = f"the run of {call.subject.schedule} at {shown(call.subject.at)}"
            self.failures.append(Failure(entry=entry, name=name, error=error))

    def _settled(self, queue: str, fields: Mapping[str, Any]) -> None:
        name = f"message {fields['message_id']} of {queue}, attempt {fields['attempt']}"
        error = fields.get("error")
        if error is not None and not isinstance(error, Retry):
            entry = fields["function"]
            self.failures.append(Failure(entry=entry, name=name, error=error))
        if fields["outcome"] == "dead":
            self._deaths.append(f"{name} ({fields['reason']}): {describe(error)}")

    def _begin(self, span: Span, name: str, queue: str = "", id: str = "") -> None:
        task = asyncio.current_task()
        work = Work(queue=queue, id=id, name=name, since=monotonic(), task=task)
        self.in_hand[span.span_id] = work
        self._change()

    def _work_of_task(self) -> Work | None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # not on the loop
            return None
        return next((work for work in self.in_hand.values() if work.task is task), None)

    def _change(self) -> None:
        if threading.get_ident() == self.thread:
            self._wake()
        elif self.loop is not None:
            call_threadsafe(self.loop, self._wake)

    def _wake(self) -> None:
        self.changes += 1
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None
