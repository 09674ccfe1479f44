"""ThreadPool: threads for plain `def` handlers, which would block the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakSet, finalize

Submit = Callable[..., Awaitable[Any]]
"""`submit(function, *arguments)` runs a function in a thread and returns its awaitable result."""

IDLE_TIMEOUT = 60.0
"""Seconds after which a thread without work ends."""

_PendingCall = tuple[
    contextvars.Context,
    Callable[..., Any],
    tuple[Any, ...],
    asyncio.AbstractEventLoop,
    "asyncio.Future[Any]",
]


class Occupant(NamedTuple):
    """The call that a thread of a pool is busy with."""

    thread: int
    context: contextvars.Context
    since: float
    """On the monotonic clock."""


class ThreadPool:
    """Up to `size` daemon threads, started on demand.

    An executor of the standard library joins its threads at exit, so that a handler that never
    returns would keep the program from ending.
    """

    def __init__(self, size: int, name: str = "handler") -> None:
        self.size = size
        self._name = name
        self._pending: SimpleQueue[_PendingCall | None] = SimpleQueue()
        self._threads = 0
        self._started = 0
        self._unfinished = 0
        self.finished = 0
        """The number of calls that have returned."""
        self._lock = threading.Lock()
        self._occupants: dict[int, Occupant] = {}
        self._parts: WeakSet[ThreadPool] = WeakSet()

    def part(self, size: int, name: str) -> Submit:
        """The `submit` of another pool, with threads of its own, whose calls count as `unfinished`
        here too. They end with the last reference to it: at a reload, say.
        """
        part = ThreadPool(size, name)
        self._parts.add(part)
        submit = partial(part.submit)
        finalize(submit, part.close).atexit = False
        return submit

    @property
    def unfinished(self) -> int:
        """The number of calls that were submitted and have not returned."""
        return self._unfinished + sum(part.unfinished for part in [*self._parts])

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a thread."""
        return self._pending.qsize()

    def occupants(self) -> list[Occupant]:
        """The calls of all threads if every one is busy; empty while any is free."""
        occupants = [*self._occupants.values()]
        return occupants if len(occupants) >= self.size else []

    def busy(self) -> list[Occupant]:
        """The calls of this pool and its parts that are running."""
        parts = [occupant for part in [*self._parts] for occupant in part.busy()]
        return [*self._occupants.values(), *parts]

    def submit(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Call a function in a thread, in a copy of the caller's context.

        Cancelling the future does not stop a function that began; its result is then ignored.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            self._unfinished += 1
            if self._threads < min(self.size, self._unfinished):
                self._threads += 1
                self._started += 1
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        self._pending.put((contextvars.copy_context(), function, arguments, loop, future))
        return future

    def close(self) -> None:
        """End the threads, its parts' too, each after the call that it is busy with.

        For a program that goes on without the application: it submits no more calls.
        """
        for pool in (self, *self._parts):
            for _ in range(pool._threads):
                pool._pending.put(None)

    def _work(self) -> None:
        thread, occupants = threading.get_ident(), self._occupants
        while True:
            try:
                pending = self._pending.get(timeout=IDLE_TIMEOUT)
            except Empty:
                with self._lock:
                    if self._unfinished < self._threads:  # else a call is on its way
                        self._threads -= 1
                        return
                continue
            if pending is None:
                with self._lock:
                    self._threads -= 1
                return
            context, function, arguments, loop, future = pending
            result, error = None, None
            if not future.cancelled():  # while it waited for a thread
                occupants[thread] = Occupant(thread, context, monotonic())
                result, error = call_in_context(context, function, arguments)
                del occupants[thread]
            with self._lock:
                self._unfinished -= 1
                self.finished += 1
            resolve(loop, future, result, error)
            del pending, context, function, arguments, loop, future, result, error


def call_in_context(
    context: contextvars.Context, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Any, BaseException | None]:
    """Call a function and return its result and its exception, one of which is None."""
    try:
        return context.run(function, *arguments), None
    except StopIteration as error:  # which a future does not accept
        return None, RuntimeError(f"the handler raised StopIteration: {error}")
    except (SystemExit, KeyboardInterrupt) as error:  # which would end the event loop
        return None, RuntimeError(f"the handler raised {type(error).__name__}: {error}")
    except BaseException as error:
        return None, error


def resolve(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: Any,
    error: BaseException | None,
) -> None:
    """Resolve a future from another thread. Does nothing if its loop is closed."""

    def set_outcome() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    call_threadsafe(loop, set_outcome)


def call_threadsafe(
    loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: Any
) -> None:
    """Like `loop.call_soon_threadsafe`, but does nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return


def run_in_thread(name: str, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
    """Call a function in a new daemon thread, in a copy of the caller's context."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        result, error = call_in_context(context, function, arguments)
        resolve(loop, future, result, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
