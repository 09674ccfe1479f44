"""Telemetry: spans and events of a running application, for whoever listens.

Nobody listens by default, and then it must cost nothing: a part asks `enabled` once, when it is
built, and leaves the calls out. Exporters, metrics and the dashboard are listeners.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from typing import Any, Protocol

import msgspec

TRACEPARENT = "traceparent"
"""The message header, as of HTTP, by which a span has its parent in another task or program."""


class Span(msgspec.Struct, kw_only=True, eq=False):
    """One operation, with a beginning and an end, as in W3C Trace Context and OpenTelemetry.

    Names: `http.request`, `handler.call`, `queue.publish`, `queue.process`, `sql.statement`,
    `sql.transaction`, `service.run`.
    """

    name: str
    entry: str = ""
    """What it is about: the id of an entry, or the label of a database."""
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str | None = None
    started: int
    """Nanoseconds since 1970."""
    duration: int | None = None
    """Nanoseconds; None while it goes on."""
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    """By the names of OpenTelemetry's semantic conventions; never a value of a user's."""
    error: BaseException | None = None

    @property
    def traceparent(self) -> str:
        """The form that travels in headers: version, trace, span, flags."""
        return f"00-{self.trace_id}-{self.span_id}-01"


class Listener(Protocol):
    """Hears of spans and events, on whatever thread they happen; must neither block nor raise."""

    def span_started(self, span: Span) -> None: ...

    def span_ended(self, span: Span) -> None: ...

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        """Something that has no duration: a settlement, a commit, a change of state."""
        ...


class Telemetry:
    """Hands spans and events to one listener, or leaves them out if there is none."""

    __slots__ = ("_listener", "enabled")

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self.enabled = listener is not None

    @contextmanager
    def span(
        self,
        name: str,
        entry: object = "",
        *,
        traceparent: str | None = None,
        **attributes: Any,
    ) -> Iterator[Span]:
        """A span around a block, below the one around it, or below `traceparent` if that is given.

        An exception that leaves the block is the span's error.
        """
        assert self._listener is not None, "ask `enabled` first"
        above = _current.get()
        trace_id, parent_id = (above.trace_id, above.span_id) if above else (None, None)
        if traceparent is not None and (link := parse_traceparent(traceparent)) is not None:
            trace_id, parent_id = link
        span = Span(
            name=name,
            entry=str(entry),
            trace_id=trace_id or secrets.token_hex(16),
            span_id=secrets.token_hex(8),
            parent_id=parent_id,
            started=time_ns(),
            attributes=attributes,
        )
        began = perf_counter_ns()
        token = _current.set(span)
        self._listener.span_started(span)
        try:
            yield span
        except BaseException as error:
            span.error = error
            raise
        finally:
            span.duration = perf_counter_ns() - began
            try:
                _current.reset(token)
            except ValueError:  # the block was left in another context than it was entered in
                _current.set(above)
            self._listener.span_ended(span)

    def event(self, name: str, entry: object = "", **fields: Any) -> None:
        """Tell of an event; nothing happens if nobody listens."""
        if self._listener is not None:
            self._listener.event(name, str(entry), _current.get(), fields)


def current_span() -> Span | None:
    """The span around the running code."""
    return _current.get()


def parse_traceparent(text: str) -> tuple[str, str] | None:
    """Trace and span of a `traceparent`; None if it is malformed."""
    parts = text.split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    if any(set(part) - _HEX for part in parts[:4]) or parts[0] == "ff":
        return None
    trace_id, span_id = parts[1], parts[2]
    return None if not trace_id.strip("0") or not span_id.strip("0") else (trace_id, span_id)


_HEX = frozenset("0123456789abcdef")
_current: ContextVar[Span | None] = ContextVar("runtime.telemetry.span", default=None)

OFF = Telemetry()
