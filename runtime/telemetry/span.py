"""Span: one operation with a start and an end, and the first one of a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from runtime.telemetry.trace_context import Parent

if TYPE_CHECKING:
    from runtime.telemetry.tracepoint import Tracepoint

MOST_SPANS = 256
"""Spans that a trace keeps; a stream may go on for days."""
MOST_NOTES = 64
"""Log lines that a trace keeps, and events that a span does."""

RUNNING, DROPPED, KEPT = 0, 1, 2
"""States of a trace: it is decided when its first span ends."""


class Note(NamedTuple):
    """A log line of a trace. `at` is of the same clock as the spans'."""

    at: int
    span_id: str
    level: str
    text: str


class Span(Struct, eq=False):
    """One operation, as in W3C Trace Context and OpenTelemetry."""

    tracepoint: Tracepoint
    parent: Span | None
    root: Root | None
    """The first span of its trace; None for that one itself, which would be a cycle."""
    number: int
    began: int
    """Nanoseconds of a clock that only goes forward."""
    ended: int = 0
    own: dict[str, Any] | None = None
    """Attributes beside those of the tracepoint."""
    error: BaseException | None = None
    events: list[tuple[int, str, Mapping[str, Any]]] | None = None
    """Each with the time at which it happened."""

    def end(self, _: object = None) -> None:
        """End the span now."""
        self.ended = perf_counter_ns()
        root = self.root
        assert root is not None
        telemetry = self.tracepoint.telemetry
        if telemetry.listener is not None:
            telemetry.notify(telemetry.listener.span_ended, self)
        if root.state != RUNNING:
            telemetry.end_late(root, self)
        elif len(root.spans) < MOST_SPANS:
            root.spans.append(self)
        else:
            root.left_out += 1

    def fail(self, error: BaseException) -> None:
        """End the span with an error."""
        self.error = error
        self.end()

    def note(self, level: str, text: str) -> None:
        """Add a log line to the trace."""
        root = self.trace
        if root.notes is None:
            root.notes = []
        if len(root.notes) < MOST_NOTES and root.state == RUNNING:
            root.notes.append(Note(perf_counter_ns(), self.span_id, level, text))

    @property
    def trace(self) -> Root:
        """The first span of its trace, or this one if it is that."""
        return self.root or self  # type: ignore[return-value]

    @property
    def name(self) -> str:
        return self.tracepoint.name

    @property
    def entry(self) -> str:
        return self.tracepoint.entry

    @property
    def attributes(self) -> Mapping[str, Any]:
        """All attributes, those of the tracepoint included."""
        return {**self.tracepoint.attributes, **(self.own or {})}

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return self.trace.id

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return f"{self.number:016x}"

    @property
    def parent_id(self) -> str | None:
        return None if self.parent is None else self.parent.span_id

    @property
    def started(self) -> int:
        """Nanoseconds since 1970."""
        return self.began + (self.trace.offset or time_ns() - perf_counter_ns())

    @property
    def duration(self) -> int | None:
        """Nanoseconds; None until it has ended."""
        return self.ended - self.began if self.ended else None

    @property
    def traceparent(self) -> str:
        """The header's value: version, trace id, span id, flags."""
        trace = self.trace
        return f"00-{trace.id}-{self.number:016x}-0{trace.sampled:d}"


class Root(Span, eq=False):
    """The first span of a trace in this program, which holds all the others."""

    sampled: bool = False
    """Decided at its beginning, and for all programs that the trace comes through."""
    spans: list[Span] = []
    """Those below that have ended, in that order."""
    remote: Parent | None = None
    """The parent in another task or program."""
    links: tuple[Parent, ...] = ()
    """Spans that led to this one in other traces."""
    subject: Any = None
    """Whatever the tracepoint makes attributes of, once somebody asks for them."""
    failed: bool = False
    """Set by its owner if it failed without an exception."""
    wanted: bool = False
    """Set by its owner if it is to be kept here though it may do well."""
    endless: bool = False
    """Set by its owner if its duration says nothing, as that of a stream."""
    state: int = RUNNING
    offset: int = 0
    """Once it is kept: nanoseconds from the clock of the spans to those since 1970."""
    late: int = 0
    """Spans that ended after it was kept."""
    left_out: int = 0
    """Spans beyond `MOST_SPANS`."""
    notes: list[Note] | None = None

    def end(self, _: object = None) -> None:
        """End the span now, and keep or drop the trace."""
        self.ended = ended = perf_counter_ns()
        telemetry = self.tracepoint.telemetry
        if (
            self.sampled
            or self.failed
            or self.wanted
            or self.error is not None
            or ended - self.began >= telemetry.slow
        ) or telemetry.listener is not None:
            telemetry.end_trace(self)
        else:
            self.state = DROPPED
            self.subject = None
            if self.spans:
                self.spans.clear()  # they refer to it: a cycle for the collector

    @property
    def id(self) -> str:
        """That of the trace."""
        if self.remote is not None:
            return self.remote.trace_id
        high = (self.number * _SPREAD ^ _program >> 64) & LOW_BITS
        low = (self.number * _SPREAD_TOO ^ _program) & LOW_BITS
        return f"{high:016x}{low:016x}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        describe, subject = self.tracepoint.describe, self.subject
        own = {} if describe is None or subject is None else describe(subject)
        return {**self.tracepoint.attributes, **own, **(self.own or {})}

    @property
    def parent_id(self) -> str | None:
        return None if self.remote is None else self.remote.span_id


LOW_BITS = (1 << 64) - 1
_SPREAD, _SPREAD_TOO = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""Odd, so that they make other numbers of all numbers, and far apart ones of neighbours: people
shorten an id to its first digits, and samplers look at its last.
"""

numbers: Iterator[int]
"""Of spans."""
_program: int


def _begin_numbers() -> None:
    """Start at a random number: one for each span would cost as much as the rest of it."""
    global numbers, _program
    random = Random()
    _program = random.getrandbits(128)
    numbers = count(random.getrandbits(62) + 1)


_begin_numbers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_numbers)
