"""Conversation: one WebSocket from the answer to its handshake to the end of its handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web import problem
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import SWITCHING
from runtime.engines.web.websocket.upgrade import STOPPING, Successor, UpgradeExchange
from runtime.engines.web.websocket.websocket import Wire

_GRACE = 10.0
"""Seconds that a handler has for its end, once the connection has come to its own."""
_FAILED = (1011, "the handler failed")
_STATUSES = 4000
"""Added to the status of an error, for a code of its own."""


class Line(Wire, Successor, Protocol):
    """The messages on a connection, and the protocol that takes it over."""

    ended: asyncio.Event
    over: asyncio.Event
    was_read: bool


class Conversation(Response):
    """Answers with status 101, and runs the handler until it or the connection ends.

    A handler that has not read so far is cancelled as soon as the client leaves. Any other gets to
    know by the end of what it reads, and is cancelled if it goes on for long.
    """

    body_iterator = None
    is_endless = True

    def __init__(
        self,
        exchange: UpgradeExchange,
        handle: Callable[[], Awaitable[Any]],
        admit: Callable[[], AbstractContextManager[None]],
        clock: Clock,
    ) -> None:
        """`admit` holds the place of one connection. Raises HTTPError 503 if none is left."""
        self.status_code = SWITCHING
        self.background = None
        self.raw_headers = exchange.handshake
        self._exchange = exchange
        self._line = exchange.line
        self._handle = handle
        self._admit = admit
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what the handler raises, unless it means a code of its own, and HTTPError."""
        with self._admit():
            await self._answer(send)

    async def _answer(self, send: Send) -> None:
        line, drain = self._line, self._exchange.drain
        await self._exchange.switch(line, [*self.raw_headers], send)
        drain.add(self)
        try:
            await self._converse()
        finally:
            drain.discard(self)
        await line.over.wait()
        await send({"type": "http.response.body", "body": b""})

    @property
    def awaits_stop(self) -> bool:
        return self._exchange.awaits_stop

    def close(self) -> None:
        """End it, for the server stops."""
        self._line.close(*STOPPING)

    async def _converse(self) -> None:
        handling = asyncio.ensure_future(self._run())
        ended = asyncio.ensure_future(self._line.ended.wait())
        try:
            await asyncio.wait({handling, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not handling.done():
                await self._outlast(handling)
            error = self._close_after(handling)
        finally:
            ended.cancel()
            if not handling.done():  # the server is being cut off
                handling.cancel()
            del handling  # has the error, which has this frame: a cycle
        if error is not None:
            try:
                raise error
            finally:
                del error

    async def _run(self) -> None:
        try:
            await self._handle()
        except (SystemExit, KeyboardInterrupt) as error:  # a task's would end the program
            raise RuntimeError(f"the handler raised {type(error).__name__}") from error

    async def _outlast(self, handling: asyncio.Future[Any]) -> None:
        """Wait for the handler of a connection that has ended."""
        if not self._line.was_read:
            handling.cancel()
        timer = self._clock.call_later(_GRACE, handling.cancel)
        try:
            await asyncio.wait({handling})
        finally:
            timer.cancel()

    def _close_after(self, handling: asyncio.Future[Any]) -> BaseException | None:
        """Tell the client how the handler has ended. Returns the error that is a failure."""
        if handling.cancelled():
            if self._line.end is not None:
                return None
            self._line.close(*_FAILED)
            return RuntimeError("the handler was cancelled, and not by the server")
        error = _meant(handling.exception())
        match error:
            case None | ClientDisconnect():
                self._line.close(1000, "")
                return None
            case HTTPError(status=status, message=message) if status < 500:
                self._line.close(_STATUSES + status, message or problem.title(status))
                return None
        declared = problem.declared(error)
        overloaded = declared is not None and declared.status == 503
        self._line.close(*((1013, "try again later") if overloaded else _FAILED))
        return error


def _meant(error: BaseException | None) -> BaseException | None:
    """The error of a task group without what the end of the connection has raised in its tasks."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    error = error.split(ClientDisconnect)[1]
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        (error,) = error.exceptions
    return error
