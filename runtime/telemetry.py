"""Telemetry: spans and events of a running application, for a listener such as an exporter.

There is none by default, and then telemetry must cost nothing: a component asks `enabled` once,
when it is built, and leaves the calls out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.loggers import logger

if TYPE_CHECKING:
    import asyncio

log = logger("runtime.telemetry")

TRACEPARENT = "traceparent"
"""The header of a request or message that names the parent span in another task or program."""


class Span(msgspec.Struct, kw_only=True, eq=False):
    """One operation with a start and an end, as in W3C Trace Context and OpenTelemetry.

    Names: `http.request`, `handler.call`, `queue.publish`, `queue.process`, `sql.statement`,
    `sql.transaction`, `service.run`.
    """

    name: str
    entry: str = ""
    """The entry it concerns, by id, or the label of a database."""
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str | None = None
    started: int
    """Nanoseconds since 1970."""
    duration: int | None = None
    """Nanoseconds; None until it has ended."""
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    """Named by OpenTelemetry's semantic conventions. Never a user's data."""
    error: BaseException | None = None
    ends_with: asyncio.Future[Any] | None = None
    """Set inside the block, if the operation goes on after it: its end is that of the span."""

    @property
    def traceparent(self) -> str:
        """The header's value: version, trace id, span id, flags."""
        return f"00-{self.trace_id}-{self.span_id}-01"


class Listener(Protocol):
    """Receives spans and events, on whatever thread they occur. Must not block.

    An exception that it raises is dropped; the first one is logged.
    """

    def span_started(self, span: Span) -> None: ...

    def span_ended(self, span: Span) -> None: ...

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        """An event has no duration: a settlement, a commit, a change of state."""
        ...


class Telemetry:
    """Passes spans and events to one listener, if there is one."""

    __slots__ = ("_failed", "_listener", "enabled", "propagates")

    def __init__(self, listener: Listener | None = None, *, propagates: bool = True) -> None:
        """With `propagates`, a message carries the header `traceparent` to its consumer."""
        self._listener = listener
        self._failed = False
        self.enabled = listener is not None
        self.propagates = propagates

    @contextmanager
    def span(
        self,
        name: str,
        entry: object = "",
        *,
        traceparent: str | None = None,
        **attributes: Any,
    ) -> Iterator[Span]:
        """Open a span around a block; an exception that leaves the block is the span's error.

        Its parent is the span that `traceparent` names, or else the current one.
        """
        assert self._listener is not None, "ask `enabled` first"
        link = None if traceparent is None else parse_traceparent(traceparent)
        if link is None and (parent := _current.get()) is not None:
            link = parent.trace_id, parent.span_id
        trace_id, parent_id = link or (secrets.token_hex(16), None)
        span = Span(
            name=name,
            entry=str(entry),
            trace_id=trace_id,
            span_id=secrets.token_hex(8),
            parent_id=parent_id,
            started=time_ns(),
            attributes=attributes,
        )
        token = _current.set(span)
        self._notify(self._listener.span_started, span)
        began = perf_counter_ns()
        try:
            yield span
        except BaseException as error:
            span.error = error
            raise
        finally:
            with suppress(ValueError):  # a coroutine that is closed from another context
                _current.reset(token)
            if span.ends_with is None:
                self._end(span, began)
            else:
                span.ends_with.add_done_callback(lambda _: self._end(span, began))

    def event(self, name: str, entry: object = "", **fields: Any) -> None:
        """Report an event within the current span. Does nothing without a listener."""
        if self._listener is not None:
            self._notify(self._listener.event, name, str(entry), _current.get(), fields)

    def _end(self, span: Span, began: int) -> None:
        assert self._listener is not None
        span.duration = perf_counter_ns() - began
        self._notify(self._listener.span_ended, span)

    def _notify(self, listen: Callable[..., None], *arguments: Any) -> None:
        try:
            listen(*arguments)
        except Exception:
            if not self._failed:  # else a broken listener would fill the log
                self._failed = True
                log.exception("the telemetry listener raised an error; others are not logged")


def current_span() -> Span | None:
    """The span around the running code."""
    return _current.get()


def parse_traceparent(text: str) -> tuple[str, str] | None:
    """Trace id and span id of a `traceparent`; None if it is malformed."""
    match = re.fullmatch(_TRACEPARENT, text)
    if match is None or (match["version"] == "00" and match["more"]):
        return None
    return match["trace"], match["span"]


_TRACEPARENT = (
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<span>(?!0{16})[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)
_current: ContextVar[Span | None] = ContextVar("runtime.telemetry.span", default=None)

OFF = Telemetry()
