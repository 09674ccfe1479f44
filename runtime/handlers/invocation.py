"""Invocation: the one place that calls a handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Protocol

from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, Subject, current
from runtime.handlers.threads import Submit
from runtime.telemetry import OFF, Telemetry


class LoadedHandler(Protocol):
    """A Python function and its calling convention."""

    @property
    def function(self) -> Callable[..., Any]: ...

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

    __slots__ = ("_entry", "_function", "_scope", "_telemetry", "call")

    call: Callable[Concatenate[Subject, ...], Awaitable[Any]]
    """`call(subject, *arguments)` returns the handler's awaitable result.

    Sets the current `Call` of the calling task and does not reset it: call it from a task that is
    yours. Cancelling the awaitable cancels an `async def`; the thread of a `def` goes on, keeps its
    slot until it returns, and its result is ignored.
    """

    def __init__(
        self,
        entry: EntryId,
        scope: ApplicationContext,
        handler: LoadedHandler,
        telemetry: Telemetry = OFF,
        *,
        submit: Submit | None = None,
    ) -> None:
        """`submit` runs a `def` in place of the handler's own pool of threads."""
        self._entry = entry
        self._scope = scope
        self._telemetry = telemetry
        function = handler.function
        self._function = (
            _in_thread(function, submit or handler.submit) if handler.blocking else function
        )
        self.call = self._call_traced if telemetry.enabled else self._call

    def _call(self, subject: Subject, *arguments: Any) -> Awaitable[Any]:
        # Not a coroutine: it would be one more for every request and message to go through.
        current.set(Call(self._entry, self._scope, subject))
        result: Awaitable[Any] = self._function(*arguments)
        return result

    async def _call_traced(self, subject: Subject, *arguments: Any) -> Any:
        with self._telemetry.span("handler.call", self._entry):
            return await self._call(subject, *arguments)


def _in_thread(function: Callable[..., Any], submit: Submit) -> Callable[..., Awaitable[Any]]:
    async def call(*arguments: Any) -> Any:
        result = await submit(function, *arguments)
        # a decorator may have made a plain function of an `async def`
        return await result if asyncio.iscoroutine(result) else result

    return call
