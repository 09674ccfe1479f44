"""Tracepoint: a place in the code that makes spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from random import Random
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runtime.telemetry.span import HEARD, MOST_SPANS, Event, Root, Span
from runtime.telemetry.trace_context import Parent

if TYPE_CHECKING:
    from runtime.telemetry.telemetry import Telemetry


class Tracepoint(Struct, frozen=True, eq=False):
    """A place in the code that makes spans, and all that these have in common."""

    telemetry: Telemetry
    name: str
    """`http.request`, `handler.call`, `queue.publish`, `queue.process`, `sql.statement` or
    `sql.transaction`.
    """
    entry: str
    """The id of the entry that it concerns."""
    title: str
    """For people: `POST /tasks`, `process app:tasks_queue`, `INSERT tasks`."""
    attributes: Mapping[str, Any]
    """Named by OpenTelemetry's semantic conventions. Never a user's data."""
    describe: Callable[[Any], dict[str, Any]] | None = None
    """Makes further attributes of a root's subject."""
    resolve: Callable[[Any], Tracepoint] | None = None
    """Finds the tracepoint of what `finish` has taken, by its subject: only for what is kept."""

    def root(
        self, remote: Parent | None = None, subject: Any = None, began: float | None = None
    ) -> Root:
        """Begin a trace, or the part of one that goes on here, in the calling task or thread.

        Its span is the current one from now on. Its caller has to call `end`. `began` is the time,
        if that is known.
        """
        telemetry = self.telemetry
        # By position: names would cost as much as all else.
        root = Root(self, monotonic() if began is None else began, subject, [])
        if remote is not None:
            root.remote = remote
            if telemetry.follow(remote):
                root.sampled = root.wanted = True
        # As `Telemetry.sampled`, for a half of its price.
        elif random() < telemetry.share and telemetry.samples.admits():
            root.sampled = root.wanted = True
        if telemetry.listener is not None:
            root.state, root.wanted, root.steps = HEARD, True, None
            telemetry.notify(telemetry.listener.span_started, root)
        _set(root)
        return root

    def apart(
        self, remote: Parent | None = None, subject: Any = None, began: float | None = None
    ) -> Root:
        """Begin a trace as `root` does, of which nothing that begins meanwhile is a part."""
        around = _get()
        root = self.root(remote, subject, began)
        _set(around)
        return root

    def leaf(self) -> Span:
        """Begin a span that does not become the current one: what begins meanwhile is not below it.

        Its caller has to call `end` or `fail`.
        """
        parent = _get()
        root: Root | None = parent and (parent.root or parent)  # type: ignore[assignment]
        if parent is None or root is None or root.dropped:  # by a task that outlived it
            return self.apart()
        span = Span(self, monotonic(), None, None, parent, root)
        if self.telemetry.listener is not None:
            self.telemetry.notify(self.telemetry.listener.span_started, span)
        return span

    def below(self, parent: Span) -> Span:
        """Begin a span as `leaf` does, below another than the current one."""
        token = _current.set(parent)
        try:
            return self.leaf()
        finally:
            _current.reset(token)

    def call(self) -> Span:
        """Begin a span as `leaf` does, which is the current one until `leave`."""
        span = self.leaf()
        _set(span)
        return span

    def finish(
        self,
        parent: Span | None,
        began: float,
        subject: Any = None,
        error: BaseException | None = None,
        event: Event | None = None,
    ) -> None:
        """Add a span that ends now to the trace of `parent`, which was the current span when it
        began. The `event` is a part of it if it has happened since then.

        That is a fourth of the price of `leaf` and `end`: it becomes a `Span` only if the trace is
        kept. Who is called for each task adds it to the `steps` itself, if there is room in them.
        """
        if parent is not None:
            steps = (parent.root or parent).steps
            if steps is not None and len(steps) < MOST_SPANS:
                steps.append((self, parent, began, monotonic(), subject, error, event))
                return
        self.telemetry.finish_apart(self, parent, began, subject, error, event)

    def block(self, remote: Parent | None = None) -> Block:
        """A span around a `with` block, which is the current one inside it."""
        return Block(self, remote)


class Block:
    """A span around a `with` block. An exception that leaves the block is its error."""

    def __init__(self, tracepoint: Tracepoint, remote: Parent | None) -> None:
        self._tracepoint = tracepoint
        self._remote = remote
        self.span: Span
        self._token: Token[Span | None]

    def __enter__(self) -> Span:
        remote, tracepoint = self._remote, self._tracepoint
        self.span = tracepoint.leaf() if remote is None else tracepoint.apart(remote)
        self._token = _current.set(self.span)
        return self.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(ValueError):  # a coroutine that is closed from another context
            _current.reset(self._token)
        if error is None:
            self.span.end()
        else:
            self.span.fail(error)


def leave(span: Span, error: BaseException | None = None) -> None:
    """End a span that `call` has begun, whose parent is the current one again."""
    if _get() is span:  # else a coroutine is closed from another context
        _set(span.parent)
    if error is None:
        span.end()
    else:
        span.fail(error)


def make_current(span: Span | None) -> None:
    """Have what begins from now on be below a span."""
    _set(span)


def clear_current() -> None:
    """Have no current span, in a task that goes on with something else."""
    _set(None)


_current: ContextVar[Span | None] = ContextVar("runtime.telemetry.span", default=None)
current_span = _current.get
"""The span around the running code; None if there is none."""
_get, _set = _current.get, _current.set
random = Random().random
"""Not that of the module, which a program may seed."""
