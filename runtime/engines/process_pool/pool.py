"""ProcessPool: a service that keeps processes for the calls of one function."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from runtime.engines.process_pool.process import Process, Target
from runtime.handlers.context import ApplicationContext
from runtime.handlers.threads import Submit
from runtime.service import Ready, Unavailable, run_until


class ProcessPool:
    """`size` processes that are ready before the first call. May be run again after it ended.

    One that ends, or whose call is cancelled, is replaced at once. If a replacement does not come
    up, the run fails, and the restart policy decides about the next.
    """

    def __init__(
        self, target: Target, size: int, scope: ApplicationContext, threads: Submit
    ) -> None:
        """`threads` are as many: each waits for a process that is busy."""
        self._target = target
        self._size = size
        self._scope = scope
        self._threads = threads
        self._closed: str | None = "not started"
        """The reason why there are none; None while there are."""
        self._all: set[Process] = set()
        self._idle: list[Process] = []
        self._waiting: deque[asyncio.Future[Process]] = deque()
        self._replacing: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        self._busy = 0
        self._failure: asyncio.Future[None] | None = None
        self._held = threading.local()

    def function(self, *arguments: Any) -> Any:
        """Call the function in the process that `submit` holds for this thread."""
        process: Process = self._held.process
        return process.call(arguments)

    async def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Hold a process, and call `function` in a thread with it, once one is free.

        Cancelling it kills the process. Raises Unavailable while the pool does not run.
        """
        self._busy += 1
        try:
            return await self._call_in(await self._take(), function, arguments)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _call_in(
        self, process: Process, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        try:
            return await self._threads(self._with, process, function, *arguments)
        except asyncio.CancelledError:
            process.kill()
            raise
        finally:
            if process.is_alive:
                self._give(process)
            else:
                self._replace(process)

    async def idle(self) -> None:
        """Wait until none is being replaced."""
        while self._replacing:
            await asyncio.wait([*self._replacing])

    async def run(self, ready: Ready, stop: asyncio.Event) -> None:
        """Start the processes, and after the stop wait for their calls. Kills them in the end."""
        self._closed = "starting"
        self._failure = asyncio.get_running_loop().create_future()
        try:
            if await run_until(stop, self._start_all()):
                self._closed = None
                ready()
                await run_until(stop, self._await(self._failure))
            self._closed = "stopping"
            while self._busy:
                self._quiet.clear()
                await self._quiet.wait()
            self._closed = "stopped"
        except BaseException as error:
            self._closed = f"it failed: {error}" if isinstance(error, Exception) else "stopped"
            raise
        finally:
            self._failure.cancel()
            await self._end_all()

    async def _end_all(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(self._unavailable())
        self._waiting.clear()
        self._idle.clear()
        for task in self._replacing:
            task.cancel()
        ended = [*self._all]
        self._all.clear()
        for process in ended:
            process.kill()
        if ended:
            await asyncio.wait([self._closing(process) for process in ended])

    def _closing(self, process: Process) -> asyncio.Future[Any]:
        return asyncio.ensure_future(self._threads(process.close))

    async def _start_all(self) -> None:
        await asyncio.gather(*(self._start() for _ in range(self._size)))

    async def _await(self, failure: asyncio.Future[None]) -> None:
        """Raise the failure of a replacement, once there is one."""
        await failure

    async def _start(self) -> None:
        """Add a process. Raises StartError and ProcessEnded."""
        process = Process(self._target, self._scope)
        self._all.add(process)
        try:
            await self._threads(process.load)
        except BaseException:
            process.kill()
            raise
        self._give(process)

    def _replace(self, process: Process) -> None:
        if process not in self._all:
            return
        self._all.discard(process)
        task = asyncio.create_task(self._start_again(process))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _start_again(self, ended: Process) -> None:
        await self._closing(ended)
        if self._closed is not None:
            return
        try:
            await self._start()
        except Exception as error:
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)

    def _unavailable(self) -> Unavailable:
        return Unavailable(f"the processes of '{self._target.entry}' do not run ({self._closed})")

    async def _take(self) -> Process:
        if self._closed not in (None, "stopping"):
            raise self._unavailable()
        while self._idle:
            process = self._idle.pop()
            if process.runs():
                return process
            self._replace(process)
        waiter: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give(waiter.result())
            raise

    def _give(self, process: Process) -> None:
        if process not in self._all:
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter.set_result(process)
        self._idle.append(process)

    def _with(self, process: Process, function: Callable[..., Any], *arguments: Any) -> Any:
        self._held.process = process
        return function(*arguments)
