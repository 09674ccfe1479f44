"""Lifespan: the start and the stop of ASGI applications, by ASGI's lifespan protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message

from runtime.engines.web.problem import HTTPError
from runtime.loggers import logger
from runtime.service import StartError

_log = logger("runtime.http")


class Lifespan:
    """One application, which is started and stopped in one task. It may know no lifespan."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        """`name` is the entry that mounts it."""
        self._app = app
        self.name = name
        self.state: dict[str, Any] = {}
        """The application's own, from its start on; each request has a copy."""
        self._task: asyncio.Task[None] | None = None
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._started = asyncio.Event()
        self._failure: str | None = None
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Run the application's startup. Raises StartError with its message if that fails."""
        self.state = {}
        self._to_app = asyncio.Queue()
        self._failure = None
        task = self._task = asyncio.create_task(self._run())
        try:
            await self._exchange("lifespan.startup", task)
            if self._failure is not None:
                raise StartError(
                    f"the application of '{self.name}' does not start: {self._failure}"
                )
        except BaseException:
            self._task = None
            task.cancel()
            await asyncio.wait({task})  # for what it cleans up
            raise
        finally:
            self._started.set()

    async def stop(self) -> None:
        """Run the application's shutdown, once its last request has ended. Failures are logged."""
        await self._idle.wait()
        task, self._task = self._task, None
        self._started.clear()
        if task is None:
            return
        try:
            if not task.done():
                await self._exchange("lifespan.shutdown", task)
                if self._failure is not None:
                    text = "the application of '%s' did not stop well: %s"
                    _log.error(text, self.name, self._failure, extra={"entry": self.name})
                await task
        finally:
            task.cancel()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Hold the application for one request. Raises HTTPError 503 if it did not start."""
        self._requests += 1
        self._idle.clear()
        try:
            await self._started.wait()
            if self._failure is not None:
                raise HTTPError(503, "the application behind this path did not start")
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def _exchange(self, event: str, task: asyncio.Task[None]) -> None:
        """Tell the application, and wait for its answer, or for its end."""
        self._answered.clear()
        self._to_app.put_nowait({"type": event})
        answered = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait({answered, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        answers: list[str] = []

        async def send(message: Message) -> None:
            kind = message["type"]
            answers.append(kind)
            if kind.endswith(".failed"):
                self._failure = _last_line(message.get("message", "")) or "it does not say why"
            self._answered.set()

        try:
            await self._app(scope, self._to_app.get, send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the application's, whatever it is
            if answers and not any(kind.endswith(".failed") for kind in answers):
                text = "the lifespan of '%s' has failed: %s: %s"
                kind = type(error).__name__
                _log.error(text, self.name, kind, error, exc_info=error, extra={"entry": self.name})


def _last_line(text: str) -> str:
    """The reason in a message, which is a traceback from Starlette."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


class Lifespans:
    """The lifespans of the applications that one server serves."""

    def __init__(self) -> None:
        self._running: list[Lifespan] = []
        self._changes: set[asyncio.Task[None]] = set()

    async def start(self, lifespans: Iterable[Lifespan], stop: asyncio.Event) -> None:
        """Start them in order, until `stop` is set: the one that starts then is cancelled.

        Raises StartError for the first that fails.
        """
        starting = asyncio.create_task(self._start_all(lifespans))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
        finally:
            stopped.cancel()
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})

    async def _start_all(self, lifespans: Iterable[Lifespan]) -> None:
        for lifespan in lifespans:
            self._running.append(lifespan)
            await lifespan.start()

    def change(self, lifespans: Iterable[Lifespan]) -> None:
        """Serve these from now on. Requests to a new one wait for its start; one that is left out
        stops after its last request.
        """
        wanted = [*lifespans]
        for lifespan in wanted:
            if lifespan not in self._running:
                self._run(_start(lifespan))
        for lifespan in self._running:
            if lifespan not in wanted:
                self._run(lifespan.stop())
        self._running = wanted

    async def stop(self) -> None:
        """Stop all, the last one first."""
        while self._running:
            await self._running.pop().stop()
        if self._changes:
            await asyncio.wait(self._changes)

    def _run(self, change: Any) -> None:
        task = asyncio.ensure_future(change)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)


async def _start(lifespan: Lifespan) -> None:
    try:
        await lifespan.start()
    except StartError as error:
        _log.error("%s", error, extra={"entry": lifespan.name})
