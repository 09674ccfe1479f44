"""Span: one operation with a start and an end, and the first one of a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from threading import Lock
from time import monotonic, monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from runtime.telemetry.trace_context import Parent

if TYPE_CHECKING:
    from runtime.telemetry.tracepoint import Tracepoint

span_time = monotonic
"""The clock of spans: real time, in seconds, whatever the clock of the application is."""

MOST_SPANS = 256
"""Spans that a trace keeps; a stream may go on for days."""
MOST_NOTES = 64
"""Log lines that a trace keeps, and events that a span does."""

RUNNING, KEPT, HEARD = 0, 1, 2
"""States of a trace, which is decided when its first span ends. HEARD is one that runs and whose
spans are told to a listener. RUNNING is also one that was `dropped`: another state would have to be
set for nearly each.
"""


class Note(NamedTuple):
    """A log line of a trace. `at` is of the same clock as the spans'."""

    at: float
    span: Span
    level: str
    text: str


Event = tuple[float, str, Mapping[str, Any]]
"""The time at which it happened, its name, and its fields."""


class Span(Struct, eq=False):
    """One operation, as in W3C Trace Context and OpenTelemetry."""

    tracepoint: Tracepoint
    began: float
    """Seconds of a clock that only goes forward, `time.monotonic()`."""
    subject: Any = None
    """Whatever the tracepoint makes attributes of, once somebody asks for them."""
    steps: list[Any] | None = None
    """Of the first span of a trace, as long as that runs and nobody listens: those below it that
    have ended, at most `MOST_SPANS`: a `Span` each, or a tuple of its tracepoint, the current span
    around it, its begin and end, and perhaps its subject, its error and the last event, as
    `Tracepoint.finish` takes them.
    """
    parent: Span | None = None
    root: Root | None = None
    """The first span of its trace; None for that one itself, which would be a cycle."""
    ended: float = 0.0
    own: dict[str, Any] | None = None
    """Attributes beside those."""
    error: BaseException | None = None
    events: list[Event] | None = None
    assigned: int = 0
    """Its number, once it has one."""

    def end(self) -> None:
        """End the span now."""
        self.ended = monotonic()
        steps = self.root.steps  # type: ignore[union-attr]
        if steps is not None and len(steps) < MOST_SPANS:
            steps.append(self)
        else:
            self.tracepoint.telemetry.end_apart(self.trace, self)

    def fail(self, error: BaseException) -> None:
        """End the span with an error."""
        self.error = error
        self.end()

    def note(self, level: str, text: str) -> None:
        """Add a log line to the trace."""
        root = self.trace
        if root.notes is None:
            root.notes = []
        if len(root.notes) < MOST_NOTES and root.state != KEPT and not root.dropped:
            root.notes.append(Note(monotonic(), self, level, text))

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
        describe, subject = self.tracepoint.describe, self.subject
        described = {} if describe is None or subject is None else describe(subject)
        return {**self.tracepoint.attributes, **described, **(self.own or {})}

    @property
    def number(self) -> int:
        """Unlike those of all other spans of this program. Few spans are ever asked for it."""
        if not self.assigned:
            with _assigning:  # a line of the log by a thread may ask as well
                self.assigned = self.assigned or next(numbers)
        return self.assigned

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
        return self.trace.since_1970(self.began)

    @property
    def duration(self) -> int | None:
        """Nanoseconds; None until it has ended."""
        return int((self.ended - self.began) * 1e9) if self.ended else None

    @property
    def traceparent(self) -> str:
        """The header's value: version, trace id, span id, flags."""
        trace = self.trace
        return f"00-{trace.id}-{self.number:016x}-0{trace.sampled:d}"


class Root(Span, eq=False):
    """The first span of a trace in this program, which holds all the others."""

    sampled: bool = False
    """Decided at its beginning, and for all programs that the trace comes through."""
    wanted: bool = False
    """True once it is to be kept though it may be quick."""
    failed: bool = False
    """True if it failed, with or without an exception."""
    spans: list[Span] = []
    """Once it is kept, or if somebody listens: those below it that have ended, in that order."""
    state: int = RUNNING
    remote: Parent | None = None
    """The parent in another task or program."""
    answered: float = 0.0
    """When the head of an endless answer was sent: how long that goes on says nothing."""
    links: tuple[Parent, ...] = ()
    """Spans that led to this one in other traces."""
    offset: int = 0
    """Once it is kept: nanoseconds from the clock of the spans to those since 1970."""
    late: int = 0
    """Spans that ended after it was kept."""
    left_out: int = 0
    """Spans beyond `MOST_SPANS`."""
    notes: list[Note] | None = None

    def end(self) -> None:
        """End the span now, and keep or drop the trace."""
        self.end_at(monotonic())

    def end_at(self, now: float) -> None:
        """End the span at that time, for those who have just looked at the clock."""
        self.ended = now
        if self.wanted or now - self.began >= self.tracepoint.telemetry.slow:
            self.tracepoint.telemetry.end_trace(self)
        else:
            self.subject = self.steps = None  # which refer to it: a cycle for the collector

    def mark_failed(self, error: BaseException | None = None) -> None:
        """Have it kept as failed, once it ends."""
        self.failed = self.wanted = True
        self.error = error

    def fail(self, error: BaseException) -> None:
        """End the span with an error."""
        self.mark_failed(error)
        self.end()

    @property
    def dropped(self) -> bool:
        """True once it has ended and is not kept."""
        return self.steps is None and self.state == RUNNING

    def since_1970(self, at: float) -> int:
        """Nanoseconds of a time of the spans' clock."""
        return int(at * 1e9) + (self.offset or time_ns() - monotonic_ns())

    @property
    def id(self) -> str:
        """That of the trace."""
        if self.remote is not None:
            return self.remote.trace_id
        high = (self.number * _SPREAD ^ _program >> 64) & LOW_BITS
        low = (self.number * _SPREAD_TOO ^ _program) & LOW_BITS
        return f"{high:016x}{low:016x}"

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
_assigning: Lock
_program: int


def _begin_numbers() -> None:
    """Start at a random number: one for each span would cost as much as the rest of it."""
    global numbers, _program, _assigning
    random = Random()
    _assigning = Lock()  # that of a parent may be held
    _program = random.getrandbits(128)
    numbers = count(random.getrandbits(62) + 1)


_begin_numbers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_numbers)
