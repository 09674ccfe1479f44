"""Traces: the traces that were kept last, and who may be told of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from threading import RLock
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from runtime.clock import until_beat
from runtime.engines.management.log_lines import LogLine, LogLines
from runtime.engines.management.traces.errors import ErrorGroup, Errors
from runtime.engines.management.traces.record import SpanRecord, TraceRecord, record, span_record
from runtime.telemetry import Root, Span

T = TypeVar("T")

MOST_SPANS = 4096
"""Spans that are remembered, of all traces together."""
MOST_PENDING = 2048
"""Traces, and spans, that ended and are not recorded yet; each may hold an exception."""
LINES_OF_FRAME = 100
MOST_OUTGOING = 512
"""Traces of a worker that its parent has not been sent yet."""
LARGEST_FRAME = 64 * 1024
"""Bytes that a worker sends its parent at a time."""
INTERVAL = 1.0
"""Seconds between two looks at what has ended."""
_SHORTEST_PREFIX = 8


class Frame(msgspec.Struct):
    """The part of what a worker remembers that its parent is told next."""

    traces: list[TraceRecord]
    errors: list[ErrorGroup]
    lines: list[LogLine]


class Traces:
    """A ring of traces, grouped and in the order of their ends; a sink of telemetry.

    The threads of the application only append to it. `fold`, by any other thread, makes records of
    what they left.
    """

    def __init__(self, folder: str = "") -> None:
        """`folder` is the application's, absolute."""
        self.folder = folder
        self.redact: Callable[[str], str] = str
        """Takes secrets out of texts; to be set once they are known."""
        self.errors = Errors(lambda text: self.redact(text), folder)
        self.lines = LogLines()
        self.exported: Callable[[TraceRecord], None] | None = None
        """Called with each trace that is recorded, and with spans that are added to one."""
        self.lost = 0
        """Traces that ended faster than they were recorded, or sent to the parent."""
        self._ended: deque[Root] = deque(maxlen=MOST_PENDING)
        self._late: deque[tuple[Root, Span]] = deque(maxlen=MOST_PENDING)
        self._ring: deque[TraceRecord] = deque()
        self._count = 0
        self._lock = RLock()
        self._outgoing: deque[TraceRecord] | None = None

    def keep(self, trace: Root) -> None:
        if len(self._ended) == MOST_PENDING:
            self.lost += 1
        self._ended.append(trace)

    def add(self, trace: Root, span: Span) -> None:
        self._late.append((trace, span))

    def fold(self) -> None:
        """Record what has ended."""
        with self._lock:
            # Taken in this order: a span is added after its trace was kept.
            late = [*_taken(self._late)]
            for root in _taken(self._ended):
                self._remember(record(root, self.redact, self.folder))
            for root, span in late:
                self._extend(root, span)

    async def watch(self) -> None:
        """Record what ends, until this is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.fold()
            await asyncio.sleep(until_beat(INTERVAL, loop.time()))

    def newest(self) -> list[TraceRecord]:
        """All traces that are remembered, the newest first."""
        with self._lock:
            self.fold()
            return [*reversed(self._ring)]

    def find(self, id: str) -> list[TraceRecord]:
        """The traces of one id, of a trace, a request or a message, and of what they published.

        The oldest first. A trace is also found by the first eight digits of its id, or more.
        """
        traces = self.newest()
        found = {id_of(each): each for each in traces if _matches(each, id)}
        messages: set[str] = set()
        while grown := {m for each in found.values() for m in message_ids(each)} - messages:
            messages |= grown
            found |= {
                id_of(each): each for each in traces if not messages.isdisjoint(message_ids(each))
            }
        return sorted(found.values(), key=lambda each: each.root.began)

    def send_to_parent(self) -> None:
        """Have what is recorded from now on wait for `take`: this is a worker."""
        self._outgoing = deque(maxlen=MOST_OUTGOING)
        self.lines.send_to_parent()

    def take(self) -> bytes:
        """The next part of what the parent is to be told; empty if there is nothing."""
        with self._lock:
            self.fold()
            traces, size = [], 0
            while self._outgoing and size < LARGEST_FRAME:
                each = self._outgoing.popleft()
                size += len(msgspec.json.encode(each))
                traces.append(each)
            errors, lines = self.errors.take(), self.lines.take(LINES_OF_FRAME)
        told = Frame(traces, errors, lines)
        return msgspec.json.encode(told) if traces or errors or lines else b""

    def merge(self, frame: bytes, worker: int) -> None:
        """Remember what a worker has told."""
        told = msgspec.json.decode(frame, type=Frame)
        with self._lock:
            for each in told.traces:
                each.worker = worker
                self._remember(each)
            self.errors.merge(told.errors, worker)
        self.lines.merge(told.lines, worker)

    def _remember(self, trace: TraceRecord) -> None:
        self._ring.append(trace)
        self._count += len(trace.spans)
        while self._count > MOST_SPANS and len(self._ring) > 1:
            self._count -= len(self._ring.popleft().spans)
        self._tell(trace)

    def _extend(self, root: Root, span: Span) -> None:
        """Add a span to its trace, if that is still remembered."""
        added, first = span_record(span, root, self.redact, self.folder), root.span_id
        for trace in reversed(self._ring):
            if trace.root.id == first:
                trace.spans.append(added)
                self._count += 1
                break
        if self.exported is not None:
            self.exported(TraceRecord(root.id, [added]))

    def _tell(self, trace: TraceRecord) -> None:
        if self.exported is not None:
            self.exported(replace(trace, spans=[*trace.spans]))
        if self._outgoing is not None:
            if len(self._outgoing) == MOST_OUTGOING:
                self.lost += 1
            self._outgoing.append(trace)


def id_of(trace: TraceRecord) -> tuple[str, str]:
    """The trace, and the part of it: several messages or programs have each one."""
    return trace.id, trace.root.id


def message_ids(trace: TraceRecord) -> set[str]:
    """The messages that a trace has published or processed."""
    found: set[str] = set()
    for span in trace.spans:
        if span.name.startswith("queue."):
            found |= message_ids_of(span)
    return found


def message_ids_of(span: SpanRecord) -> set[str]:
    """The same of one span."""
    id = span.attributes.get("messaging.message.id")
    return {*span.attributes.get("runtime.message.ids", ()), *([id] if id else ())}


def _matches(trace: TraceRecord, id: str) -> bool:
    if trace.id == id or (len(id) >= _SHORTEST_PREFIX and trace.id.startswith(id)):
        return True
    requests = (span.attributes.get("runtime.request.id") for span in trace.spans)
    return id in requests or id in message_ids(trace)


def _taken(waiting: deque[T]) -> Iterator[T]:
    """All that waits in a deque to which other threads append."""
    for _ in range(len(waiting)):
        try:
            yield waiting.popleft()
        except IndexError:
            return
