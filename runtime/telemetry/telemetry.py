"""Telemetry: where spans go, and which traces are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from time import monotonic_ns, time_ns
from types import MappingProxyType
from typing import Any, Protocol

from runtime.loggers import logger
from runtime.telemetry.assembly import assemble, events_since
from runtime.telemetry.rate_limiter import RateLimiter
from runtime.telemetry.span import HEARD, KEPT, MOST_SPANS, Event, Root, Span
from runtime.telemetry.trace_context import Parent, parse_traceparent
from runtime.telemetry.tracepoint import Block, Tracepoint, current_span, random

log = logger("runtime.telemetry")

MOST_ADMITTED = 100
"""Traces a second that are kept only because the other side has sampled them, or as retries."""

NONE: Mapping[str, Any] = MappingProxyType({})


class Listener(Protocol):
    """Is told of every span and event, on whatever thread they occur. Must not block.

    An exception that it raises is dropped; the first one is logged.
    """

    def span_started(self, span: Span) -> None: ...

    def span_ended(self, span: Span) -> None: ...

    def event(self, name: str, entry: str, span: Span | None, fields: Mapping[str, Any]) -> None:
        """An event has no duration: a settlement, a commit, a change of state."""
        ...


class Sink(Protocol):
    """Receives the traces that are kept, on whatever thread they end. Must not block or raise."""

    def keep(self, trace: Root) -> None: ...

    def add(self, trace: Root, span: Span) -> None:
        """Receive a span that ended after its trace was kept."""
        ...


class Telemetry:
    """Makes spans, and passes them on to a listener and a sink, if there are these."""

    __slots__ = (
        "_failed",
        "_sink",
        "enabled",
        "exact",
        "follows",
        "listener",
        "propagates",
        "remote",
        "samples",
        "share",
        "slow",
    )

    def __init__(
        self,
        listener: Listener | None = None,
        sink: Sink | None = None,
        *,
        propagates: bool = True,
        sample: float = 1.0,
        slow: float = inf,
        follows: bool = True,
    ) -> None:
        """`sample` is the share of traces that are kept whatever becomes of them; those that take
        `slow` seconds or fail are too. With `follows`, a trace that began elsewhere is sampled if
        it was there. With `propagates`, a message of a sampled trace carries the header
        `traceparent` to its consumer.
        """
        self.listener = listener
        self.enabled = listener is not None or sink is not None
        self.propagates = propagates
        self._sink = sink
        self.exact = listener is not None
        """True if a call of a handler has to be the current span, for those who look at it."""
        self.samples = RateLimiter()
        """Admits the traces that are to be sampled."""
        self.remote = RateLimiter(MOST_ADMITTED)
        """Admits those that are kept for the other side, or as retries."""
        self.keep_also(sample, slow, follows)
        self._failed = False

    def keep_also(
        self, sample: float, slow: float, follows: bool, most_sampled: float = inf
    ) -> None:
        """Change which traces are kept besides those that fail, from the next one on; of those that
        are sampled here `most_sampled` a second.
        """
        self.share = sample
        self.samples.rate = most_sampled
        self.slow = slow
        self.follows = follows

    def tracepoint(
        self,
        name: str,
        entry: object = "",
        title: str = "",
        attributes: Mapping[str, Any] = NONE,
        describe: Callable[[Any], dict[str, Any]] | None = None,
        resolve: Callable[[Any], Tracepoint] | None = None,
    ) -> Tracepoint:
        """Bind what is known of an operation before it begins."""
        return Tracepoint(self, name, str(entry), title or name, attributes, describe, resolve)

    def span(
        self,
        name: str,
        entry: object = "",
        *,
        traceparent: str | None = None,
        **attributes: Any,
    ) -> Block:
        """A span around a `with` block, of an operation that is too rare for a tracepoint.

        Its parent is the span that `traceparent` names, or else the current one.
        """
        assert self.enabled, "ask `enabled` first"
        remote = None if traceparent is None else parse_traceparent(traceparent)
        return self.tracepoint(name, entry, attributes=attributes).block(remote)

    def event(self, name: str, entry: object = "", **fields: Any) -> None:
        """Tell the listener of an event within the current span. Does nothing without one."""
        if self.listener is not None:
            self.notify(self.listener.event, name, str(entry), current_span(), fields)

    def sampled(self) -> bool:
        """Decide if a trace that begins here is kept whatever becomes of it."""
        return random() < self.share and self.samples.admits()

    def follow(self, remote: Parent) -> bool:
        """Decide if a trace that began elsewhere is kept here whatever becomes of it."""
        if self.follows and not remote.sampled:
            return False
        return self.sampled() or (self.follows and self.remote.admits())

    def end_trace(self, root: Root) -> None:
        """Tell of a trace whose first span has ended, and keep it if it is worth it."""
        if root.answered:
            root.ended = root.answered
        if self.listener is not None:
            self.notify(self.listener.span_ended, root)
        worth = root.wanted or root.ended - root.began >= self.slow
        if self._sink is not None and worth:
            self._keep(root, self._sink)
        elif self._sink is None:
            root.state, root.steps = HEARD, None
            root.spans.clear()
        else:  # an endless answer, whose head came soon
            root.subject = root.steps = None

    def end_apart(self, root: Root, span: Span) -> None:
        """Take a span that somebody hears of, or one too many, or one that its trace outlived."""
        if self.listener is not None:
            self.notify(self.listener.span_ended, span)
        if root.dropped:
            if span.error is not None and self._sink is not None:
                root.ended = root.answered or root.ended
                root.spans.append(span)
                self._keep(root, self._sink)
        elif root.state == KEPT:
            if root.late < MOST_SPANS and self._sink is not None:
                root.late += 1
                self._sink.add(root, span)
            else:
                root.left_out += 1
        elif root.steps is None and len(root.spans) < MOST_SPANS:
            root.spans.append(span)
        else:
            root.left_out += 1

    def finish_apart(
        self,
        tracepoint: Tracepoint,
        parent: Span | None,
        began: float,
        subject: Any,
        error: BaseException | None,
        event: Event | None,
    ) -> None:
        """Take what `Tracepoint.finish` takes, of a trace that is over, full or heard of."""
        if tracepoint.resolve is not None:
            tracepoint, subject = tracepoint.resolve(subject), None
        root = None if parent is None else parent.trace
        span: Span
        if parent is None or root is None or root.dropped:
            span = tracepoint.apart(None, subject, began)
        else:
            span = Span(tracepoint, began, subject, None, parent, root)
            if self.listener is not None:
                self.notify(self.listener.span_started, span)
        span.events = events_since(began, event)
        if error is None:
            span.end()
        else:
            span.fail(error)

    def notify(self, listen: Callable[..., None], *arguments: Any) -> None:
        """Call the listener."""
        try:
            listen(*arguments)
        except Exception:
            if not self._failed:  # else a broken listener would fill the log
                self._failed = True
                log.exception("the telemetry listener raised an error; others are not logged")

    def _keep(self, root: Root, sink: Sink) -> None:
        root.state = KEPT
        assemble(root)
        root.offset = time_ns() - monotonic_ns()
        if (describe := root.tracepoint.describe) is not None and root.subject is not None:
            root.own = {**describe(root.subject), **(root.own or {})}
            root.subject = None  # whatever it holds
        sink.keep(root)


OFF = Telemetry()
