"""Resource: a service that holds what a function made, from the start to the stop."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from runtime.engines.resource.block import AsyncBlock, LoopBlock
from runtime.engines.resource.owning_thread import OwningThread
from runtime.entry_id import EntryId
from runtime.handlers import decimals
from runtime.handlers.arguments.named import NamedArguments
from runtime.handlers.context import ApplicationContext, Background, Call, current
from runtime.handlers.invocation import LoadedHandler
from runtime.handlers.place import raised_at
from runtime.service import Ready, Unavailable

_AWAY = (ConnectionError, TimeoutError, socket.gaierror, Unavailable)
_AWAY_CODES = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
"""Errors that go by themselves: a server is still starting, or its name is not known yet."""


class ResourceClosed(Unavailable):
    """The resource is not running: not started yet, stopped, or between two attempts."""


class Resource:
    """A service, and the value of its function while it runs.

    An `async def` is entered and left by one task on the event loop, a plain `def` by one thread.
    """

    def __init__(
        self,
        id: EntryId,
        scope: ApplicationContext,
        handler: LoadedHandler,
        options: Mapping[str, Any],
    ) -> None:
        """`options` are passed to the function by name; its other parameters may be entries.

        Raises StartError for an option that is not of its parameter's type.
        """
        self._id = id
        self._scope = scope
        self._blocking = handler.blocking
        self._function = handler.declared
        self._arguments = NamedArguments(
            handler.declared, options, scope, id.namespace, blocking=handler.blocking
        )
        self._file = _file_of(handler.declared)
        self._value: Any = None
        self._closed: str | None = "it was not started"
        """The reason why there is no value; None while there is one."""

    def handed_out(self) -> Any:
        """The value, for handlers. Raises ResourceClosed while it does not run."""
        if self._closed is not None:
            raise ResourceClosed(f"resource '{self._id}' is not running ({self._closed})")
        return self._value

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Enter, wait for the stop, and leave. What the function raises is raised."""
        self._closed = "it is starting"
        try:
            await self._serve(ready, stop)
        except BaseException as error:
            self._closed = f"it failed: {error}"
            if isinstance(error, SystemExit | KeyboardInterrupt):  # which would end the event loop
                raise RuntimeError(f"it raised {type(error).__name__}: {error}") from error
            raise
        finally:
            self._value = None
        self._closed = "it was stopped"

    async def _serve(self, ready: Ready, stop: asyncio.Event) -> None:
        call = Call(self._id, self._scope, Background())
        current.set(call)
        if decimals.in_use:
            decimals.separate()
        make = partial(self._function, **self._arguments.filled())
        block: AsyncBlock
        block = OwningThread(str(self._id), make) if self._blocking else LoopBlock(make)
        try:
            if not await self._enter(block, stop):
                return
        except Exception as error:
            if _is_away(error):
                raise Unavailable(self._in_one_line(error)) from error
            raise
        self._closed = None
        ready()
        failure: BaseException | None = call.forgotten
        try:
            if failure is None:
                await stop.wait()
        except asyncio.CancelledError as error:  # by a task group of its own, or at the end of time
            failure = error
        self._closed = "it is stopping"
        await block.leave(failure)
        if failure is not None:
            raise RuntimeError("it ended before the stop") from failure

    async def _enter(self, block: AsyncBlock, stop: asyncio.Event) -> bool:
        """Enter the block. False if the stop came first, which interrupts an `async def`."""
        if self._blocking:  # a thread cannot be interrupted
            self._value = await block.enter()
            return True
        stopped = asyncio.create_task(stop.wait())
        limit = asyncio.timeout(None)

        def interrupt(stopped: asyncio.Task[Any]) -> None:
            if not stopped.cancelled():
                with suppress(RuntimeError):  # it has just been entered
                    limit.reschedule(0)

        stopped.add_done_callback(interrupt)
        try:
            async with limit:
                self._value = await block.enter()
        except TimeoutError:
            if limit.expired():
                return False
            raise
        finally:
            stopped.cancel()
        return True

    def _in_one_line(self, error: BaseException) -> str:
        """The error, with the line of the function's file that led to it."""
        place = raised_at(error, self._file) if self._file else ""
        name = "" if isinstance(error, Unavailable) else type(error).__name__
        text = ": ".join(filter(None, (name, str(error))))
        return f"{text} ({place})" if place else text


def _is_away(error: BaseException) -> bool:
    """True if the error, or one that led to it, will go by itself."""
    return any(
        isinstance(each, _AWAY) or (isinstance(each, OSError) and each.errno in _AWAY_CODES)
        for each in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _file_of(function: Callable[..., Any]) -> Path | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Path(code.co_filename) if code is not None else None
