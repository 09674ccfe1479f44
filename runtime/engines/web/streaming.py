"""Streaming: answers a request with what an async generator yields, as it yields it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web.event import Event, encode_event, encode_line
from runtime.engines.web.exchange import Exchange
from runtime.handlers.context import current

_COMMENT = b": still here\n\n"
_COMMENT_INTERVAL = 15.0
_PATIENCE = 1.0
"""Seconds that the first value is waited for, so that a mistake before it becomes a status."""
_IN_A_TURN = 16
"""Values that a generator which never waits may yield before others get their turn: also those who
are to learn that its client has left.
"""
_RETRY = (1000, 3000)
"""Milliseconds within which clients return after a drain, each at another moment."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A media type of streams."""

    media_type: str
    encode: Callable[[Any], bytes]
    is_endless: bool
    """True if it goes on for as long as somebody listens; else its end is the end of a whole."""


FORMATS = {
    "sse": Format(media_type="text/event-stream", encode=encode_event, is_endless=True),
    "lines": Format(media_type="application/x-ndjson", encode=encode_line, is_endless=False),
}
"""By the value of `answer`."""

Generate = Callable[..., AsyncGenerator[Any]]


class Streaming:
    """A function whose calls return a Stream, which has begun to run."""

    def __init__(
        self,
        generate: Generate,
        format: Format,
        clock: Clock,
        *,
        has_timeout: bool,
        reads_body: bool,
    ) -> None:
        """`generate` is called with the exchange and the arguments, and makes the generator.

        With a timeout, whoever calls gives up if there is no first value; else the response begins
        without. With `reads_body`, the body of the request is read first.
        """
        self._generate = generate
        self._format = format
        self._clock = clock
        # Lines have no comment with which a response could begin.
        self._patience = _PATIENCE if format.is_endless and not has_timeout else None
        self._reads_body = reads_body

    async def call(self, exchange: Exchange, *arguments: Any) -> Response:
        """Raises what the generator raises before its first value, and ClientDisconnect."""
        stream = Stream(self._format, exchange, self._clock)
        if exchange.scope["method"] != "HEAD":
            if self._reads_body:  # else whoever waits for the client to leave would take it
                await exchange.request.body()
            await stream.begin(lambda: self._generate(exchange, *arguments), self._patience)
        return stream


class Stream(Response):
    """The values of one generator on their way to a client.

    The generator runs in a task of its own, which waits while the client reads slowly. It is closed
    as soon as the client leaves, and as a drain begins unless it waits for the stop itself.
    """

    def __init__(self, format: Format, exchange: Exchange, clock: Clock) -> None:
        self.status_code = 200
        self.media_type = format.media_type
        self.background = None
        self.raw_headers = [
            (b"content-type", format.media_type.encode()),
            (b"cache-control", b"no-cache, no-transform"),
            (b"x-accel-buffering", b"no"),
        ]
        self._format = format
        self._exchange = exchange
        self._clock = clock
        self._producing: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._begun = asyncio.Event()
        self._sending = asyncio.Lock()
        self._send: Send | None = None
        self._has_value = False
        self._has_retry = False
        self._is_ending = False

    async def begin(
        self, generate: Callable[[], AsyncGenerator[Any]], patience: float | None
    ) -> None:
        """Run the generator until its first value, for at most `patience` seconds.

        Raises what it raises until then, and ClientDisconnect if the client does not wait.
        """
        self._producing = self._watched(self._produce(generate))
        leaving = self._watched(_left(self._exchange.receive))
        watching = [leaving]
        if self._format.is_endless:
            watching.append(self._watched(self._exchange.drain.stopping.wait()))
        timer = patience and self._clock.call_later(patience, self._news.set)
        try:
            await self._news.wait()
        except BaseException:
            await self._end()
            raise
        finally:
            for each in watching:
                each.cancel()
            if timer:
                timer.cancel()
        if self._producing.done():
            self._raise_failure()
        elif leaving.done():
            await self._end()
            raise ClientDisconnect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what the generator raises."""
        self._send = send
        try:
            status, headers = self.status_code, self.raw_headers
            await send({"type": "http.response.start", "status": status, "headers": headers})
            if self._producing is not None:
                await self._follow(self._producing, receive)
                is_whole = self._producing.done()
                if not is_whole:
                    await self._end()
                self._raise_failure()
                if not is_whole and not self._format.is_endless:
                    return  # cut off, so that the client knows that it has but a part
                if not is_whole and not self._has_retry:
                    await self._write(b"retry: %d\n\n" % random.randint(*_RETRY))
            await self._write(b"", more=False)
        finally:
            await self._end()
            self._producing = None

    async def _follow(self, producing: asyncio.Task[None], receive: Receive) -> None:
        """Return once nothing more is produced, the client has left or the stream is closed."""
        leaving = self._watched(_left(receive))
        comments = _Comments(self._clock, self._news.set) if self._format.is_endless else None
        self._begun.set()
        try:
            if comments is not None and not self._has_value:
                await self._write(_COMMENT)  # middleware may keep the headers until there is a body
            while not producing.done() and not leaving.done():
                self._news.clear()
                if comments is not None and comments.take_due() and not self._sending.locked():
                    await self._write(_COMMENT)
                    continue
                await self._news.wait()
        finally:
            leaving.cancel()
            if comments is not None:
                comments.close()

    async def _produce(self, generate: Callable[[], AsyncGenerator[Any]]) -> None:
        try:
            await self._run(generate())
        except (SystemExit, KeyboardInterrupt) as error:  # a task's would end the event loop
            raise RuntimeError(f"the handler raised {type(error).__name__}: {error}") from error

    async def _run(self, generator: AsyncGenerator[Any]) -> None:
        if not isinstance(generator, AsyncGenerator):
            raise TypeError(
                f"the function returned a value of type {type(generator).__name__}; the endpoint's "
                "'answer' needs an 'async def' with a 'yield'"
            )
        encode, turn = self._format.encode, 0
        async with contextlib.aclosing(generator):
            async for value in generator:
                if self._is_ending:  # it has caught the cancellation
                    return
                part = encode(value)
                self._has_retry |= isinstance(value, Event) and value.retry is not None
                if not self._has_value:
                    self._has_value = True
                    self._news.set()
                    await self._begun.wait()
                await self._write(part)
                turn += 1
                if turn % _IN_A_TURN == 0:
                    await asyncio.sleep(0)
        here = current.get(None)  # not of a kind that makes its own stream
        if here is not None and here.forgotten is not None:
            raise here.forgotten

    async def _write(self, part: bytes, *, more: bool = True) -> None:
        """Send a part, once the client has taken enough of those before."""
        async with self._sending:
            assert self._send is not None
            await self._send({"type": "http.response.body", "body": part, "more_body": more})

    async def _end(self) -> None:
        """Close the generator, and return once its `finally` blocks have run."""
        self._is_ending = True
        if self._producing is not None and not self._producing.done():
            self._producing.cancel()
            await asyncio.wait([self._producing])

    def _raise_failure(self) -> None:
        """Raise what has ended the generator, without a cycle that would be left to the collector:
        the exception has this frame, and the task the exception.
        """
        producing, self._producing = self._producing, None
        error: BaseException | None = None
        if producing is not None and not producing.cancelled():
            error = producing.exception()
        elif not self._is_ending:
            error = RuntimeError("the generator was cancelled, and not by the server")
        del producing
        if error is not None:
            try:
                raise error
            finally:
                del error

    def _watched(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: self._news.set())
        return task


class _Comments:
    """A comment is due at each interval, so that no proxy takes a quiet stream for a dead one."""

    def __init__(self, clock: Clock, due: Callable[[], None]) -> None:
        self._clock = clock
        self._due = due
        self._is_due = False
        self._timer = clock.call_later(_COMMENT_INTERVAL, self._fire)

    def take_due(self) -> bool:
        is_due, self._is_due = self._is_due, False
        return is_due

    def close(self) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        self._timer = self._clock.call_later(_COMMENT_INTERVAL, self._fire)
        self._is_due = True
        self._due()


async def _left(receive: Receive) -> None:
    """Return when the client has left, or the response is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass
