"""ThreadPool: threads for plain `def` handlers, which would block the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any

Submit = Callable[..., Awaitable[Any]]
"""`submit(function, *arguments)` runs a function in a thread and returns its awaitable result."""

_PendingCall = tuple[
    contextvars.Context,
    Callable[..., Any],
    tuple[Any, ...],
    asyncio.AbstractEventLoop,
    "asyncio.Future[Any]",
]


class ThreadPool:
    """Up to `size` daemon threads, started on demand.

    An executor of the standard library joins its threads at exit, so that a handler that never
    returns would keep the program from ending.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pending: SimpleQueue[_PendingCall] = SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        self._lock = threading.Lock()

    @property
    def unfinished(self) -> int:
        """The number of calls that were submitted and have not returned."""
        return self._unfinished

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
                name = f"handler-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        self._pending.put((contextvars.copy_context(), function, arguments, loop, future))
        return future

    def _work(self) -> None:
        while True:
            context, function, arguments, loop, future = self._pending.get()
            result, error = None, None
            if not future.cancelled():  # while it waited for a thread
                result, error = call_in_context(context, function, arguments)
            with self._lock:
                self._unfinished -= 1
            resolve(loop, future, result, error)
            del context, function, arguments, future, result, error


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
