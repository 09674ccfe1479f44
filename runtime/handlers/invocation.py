"""Invocation: the one place that calls a handler."""

from __future__ import annotations

import contextvars
import inspect
import types
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Concatenate, Protocol

from runtime.entry_id import EntryId
from runtime.handlers import decimals, fork
from runtime.handlers.context import ApplicationContext, Call, Subject, current
from runtime.handlers.holders import holding
from runtime.handlers.threads import Submit
from runtime.handlers.unfinished_result import CONTAINERS, PLAIN, check_finished
from runtime.telemetry import MOST_SPANS, OFF, Telemetry, current_span, leave, span_time

_Call = Callable[Concatenate[Subject, ...], Awaitable[Any]]


class LoadedHandler(Protocol):
    """A Python function and its calling convention."""

    @property
    def function(self) -> Callable[..., Any]:
        """Takes all its arguments by position."""
        ...

    @property
    def declared(self) -> Callable[..., Any]:
        """The function as it was loaded, for its annotations."""
        ...

    @property
    def blocking(self) -> bool:
        """True for a plain `def`, which runs in a thread."""
        ...

    @property
    def takes_argument(self) -> bool:
        """True if it declares a positional parameter."""
        ...

    @property
    def submit(self) -> Submit:
        """Runs a plain `def` in a thread of the application's pool."""
        ...


class Invocation:
    """Calls the handler of one entry: an `async def` on the event loop, a `def` in a thread."""

    __slots__ = (
        "_blocking",
        "_depth",
        "_function",
        "_run",
        "_scope",
        "_tracepoint",
        "call",
        "call_apart",
        "entry",
    )

    call: _Call
    """`call(subject, *arguments)` returns the handler's awaitable result.

    Sets the current `Call` of the calling task and does not reset it: call it from a task that is
    yours. Cancelling the awaitable cancels an `async def`; the thread of a `def` goes on, keeps its
    slot until it returns, and its result is ignored. Raises what the handler raises,
    UnfinishedResult and NotAwaited.
    """
    call_apart: _Call
    """The same in a copy of the caller's context, for a task that makes many calls."""

    def __init__(
        self,
        entry: EntryId,
        scope: ApplicationContext,
        handler: LoadedHandler,
        telemetry: Telemetry = OFF,
        *,
        submit: Submit | None = None,
        holds: bool = False,
    ) -> None:
        """`submit` runs a `def` in place of the handler's own threads; `holds`: see Holders."""
        self._blocking = handler.blocking
        self._depth = fork.depth
        self._function = handler.function
        self.entry = entry
        self._scope = scope
        place = telemetry.tracepoint("handler.call", entry, entry.name)
        self._tracepoint = place if telemetry.enabled else None
        self._run: Callable[..., Awaitable[Any]] = (
            _in_thread(handler.function, submit or handler.submit)
            if handler.blocking
            else _on_loop(handler.function)
        )
        self.call = call = holding(self._call, scope) if holds else self._call
        self.call_apart = call if handler.blocking else _apart(call)  # a thread has a copy

    def generate(self, subject: Subject, *arguments: Any) -> Any:
        """The generator that a handler is, of which nothing has run, for the calling task."""
        current.set(Call(self.entry, self._scope, subject))
        if decimals.in_use:
            decimals.separate()
        return self._function(*arguments)

    async def _call(self, subject: Subject, *arguments: Any) -> Any:
        current.set(call := Call(self.entry, self._scope, subject))
        if decimals.in_use and not self._blocking:
            decimals.separate()
        place = self._tracepoint
        if place is not None:
            around, began = current_span(), span_time()
            span = place.call() if around is None or place.telemetry.exact else None
        try:
            result = await self._run(*arguments)
        except BaseException as error:
            if place is not None:
                leave(span, error) if span else place.finish(around, began, None, error)
            if fork.depth != self._depth:
                fork.end_child(self.entry, error)
            if call.forgotten is not None and isinstance(error, Exception):  # no cancellation
                raise call.forgotten from error
            raise
        if place is not None:
            if span is not None:
                leave(span)
            elif (steps := around.steps) is not None and len(steps) < MOST_SPANS:  # type: ignore[union-attr]
                # as `finish`, without its call
                steps.append((place, around, began, span_time()))
            else:
                place.finish(around, began)
        if fork.depth != self._depth:
            fork.end_child(self.entry, None)
        kind = type(result)
        if kind not in PLAIN and not (
            kind in CONTAINERS and getattr(subject, "encodes_result", False)
        ):
            check_finished(result)
        if call.forgotten is not None:
            raise call.forgotten
        return result


def _on_loop(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    if inspect.iscoroutinefunction(function):
        return function

    async def call(*arguments: Any) -> Any:  # what a decorator made of an `async def`
        result = function(*arguments)
        return await result if hasattr(type(result), "__await__") else result

    return call


def _in_thread(function: Callable[..., Any], submit: Submit) -> Callable[..., Awaitable[Any]]:
    depth = fork.depth

    def run(*arguments: Any) -> Any:
        if decimals.in_use:
            decimals.separate()
        try:
            result = function(*arguments)
        except BaseException as error:
            if fork.depth != depth:
                fork.end_child(current.get().entry, error)
            raise
        if fork.depth != depth:
            fork.end_child(current.get().entry, None)
        return result

    async def call(*arguments: Any) -> Any:
        context = contextvars.copy_context()
        result = await submit(context.run, run, *arguments)
        if not inspect.iscoroutine(result):
            return result
        # A decorator may have made a plain function of an `async def`, without saying so.
        current.get().subject.become_async()
        return await get_running_loop().create_task(result, context=context)

    return call


def _apart(call: _Call) -> _Call:
    def call_apart(subject: Subject, *arguments: Any) -> Awaitable[Any]:
        coroutine: Any = call(subject, *arguments)
        return _drive(coroutine, contextvars.copy_context())

    return call_apart


@types.coroutine
def _drive(
    coroutine: Coroutine[Any, Any, Any], context: contextvars.Context
) -> Generator[Any, Any, Any]:
    """Await a coroutine of which every step runs in `context`.

    A task would do that too, for three times the price of a message that does nothing.
    """
    try:
        awaited = context.run(coroutine.send, None)
        while True:
            try:
                value = yield awaited
            except BaseException as error:
                awaited = context.run(coroutine.throw, error)
            else:
                awaited = context.run(coroutine.send, value)
    except StopIteration as end:
        return end.value


def driven_by(frame: types.FrameType) -> Coroutine[Any, Any, Any] | None:
    """The coroutine that a frame of `call_apart` drives, which a debugger does not find."""
    if frame.f_code is not _drive.__code__:
        return None
    coroutine: Coroutine[Any, Any, Any] = frame.f_locals["coroutine"]
    return coroutine
