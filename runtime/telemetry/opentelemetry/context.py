"""JoinedContext: the current context of OpenTelemetry, whose span is ours if ours began later."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as api
from opentelemetry.context.context import Context, _RuntimeContext
from opentelemetry.trace import INVALID_SPAN, get_current_span, set_span_in_context

from runtime.telemetry.opentelemetry.span import JoinedSpan, foreign_span
from runtime.telemetry.span import Span
from runtime.telemetry.tracepoint import current_span, make_current

_Attached = tuple[Context, Span | None, Span | None]
"""A context, our current span since it was attached, and the one before."""


class JoinedContext(_RuntimeContext):
    """Costs nothing where a span of ours begins: whoever asks for the context looks for it then."""

    def __init__(self, before: _RuntimeContext) -> None:
        """`before` has what was attached until now."""
        start: _Attached = before.get_current(), None, None
        self._attached: ContextVar[_Attached] = ContextVar("runtime.opentelemetry", default=start)

    def get_current(self) -> Context:
        context, seen, _ = self._attached.get()
        now = current_span()
        if now is seen:
            return context
        span = INVALID_SPAN if now is None else JoinedSpan(now, is_owned=False)
        return set_span_in_context(span, context)

    def attach(self, context: Context) -> Token[Any]:
        before = current_span()
        now = _span_in(context, before)
        if now is not before:
            make_current(now)
        return self._attached.set((context, now, before))

    def detach(self, token: Token[Any]) -> None:
        _, now, before = self._attached.get()
        self._attached.reset(token)
        if current_span() is now:
            make_current(before)


def join() -> None:
    """Put it in the place of the present one, once."""
    if not isinstance(api._RUNTIME_CONTEXT, JoinedContext):
        api._RUNTIME_CONTEXT = JoinedContext(api._RUNTIME_CONTEXT)


def _span_in(context: Context, current: Span | None) -> Span | None:
    """The span of ours that the span of a context is, or that stands for it."""
    span = get_current_span(context)
    if isinstance(span, JoinedSpan):
        return span.span
    return foreign_span(span, current)
