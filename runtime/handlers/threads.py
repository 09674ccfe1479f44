"""ThreadPool: where plain `def` handlers run, so that they do not hold up the loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any

Submit = Callable[..., Awaitable[Any]]
"""`submit(function, *arguments)` runs a function in a thread and returns its awaitable result."""

_Job = tuple[
    contextvars.Context,
    Callable[..., Any],
    tuple[Any, ...],
    asyncio.AbstractEventLoop,
    "asyncio.Future[Any]",
]


class ThreadPool:
    """Up to `size` daemon threads, started when they are first needed.

    Daemons, and not an executor of the standard library, because a handler that never returns
    must not hold the program open.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        self._lock = threading.Lock()

    @property
    def unfinished(self) -> int:
        """How many calls were submitted and have not returned."""
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
        self._jobs.put((contextvars.copy_context(), function, arguments, loop, future))
        return future

    def _work(self) -> None:
        while True:
            context, function, arguments, loop, future = self._jobs.get()
            result, error = None, None
            if not future.cancelled():  # while it waited: nobody wants it any more
                result, error = run_in(context, function, arguments)
            with self._lock:
                self._unfinished -= 1
            deliver(loop, future, result, error)
            del context, function, arguments, future, result, error


def run_in(
    context: contextvars.Context, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Any, BaseException | None]:
    """What a function returned or raised."""
    try:
        return context.run(function, *arguments), None
    except StopIteration as error:  # which a future refuses to hold
        return None, RuntimeError(f"the handler raised StopIteration: {error}")
    except (SystemExit, KeyboardInterrupt) as error:  # which would end the loop
        return None, RuntimeError(f"the handler raised {type(error).__name__}: {error}")
    except BaseException as error:
        return None, error


def deliver(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: Any,
    error: BaseException | None,
) -> None:
    """Settle a future from another thread; nothing happens if its loop is gone."""

    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    call_threadsafe(loop, settle)


def call_threadsafe(
    loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: Any
) -> None:
    """Like `loop.call_soon_threadsafe`, but does nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return


def own_thread(name: str, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
    """Call a function in a daemon thread of its own, in a copy of the caller's context."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        result, error = run_in(context, function, arguments)
        deliver(loop, future, result, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
