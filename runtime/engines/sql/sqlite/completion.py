"""Completion: the result or error of a request, on its way from a thread to its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from runtime.engines.sql.inline_future import InlineFuture
from runtime.handlers.threads import call_threadsafe

Completion = tuple["ResultFuture", Any, Exception | None]
"""The future to settle, the result, and the error if there is one."""


class ThreadFuture:
    """A future for one thread that waits, settled by another one."""

    __slots__ = ("_error", "_lock", "_result")

    def __init__(self) -> None:
        self._result: Any = None
        self._error: Exception | None = None
        self._lock = Lock()
        self._lock.acquire()

    def cancelled(self) -> bool:
        return False

    def get_loop(self) -> None:
        """It belongs to no event loop."""

    def settle(self, result: Any, error: Exception | None) -> None:
        """Set the result or the error; only the first call counts."""
        if self._lock.locked():
            self._result, self._error = result, error
            self._lock.release()

    def wait(self) -> Any:
        """Block until it is settled; return the result or raise the error."""
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._result


ResultFuture = asyncio.Future[Any] | InlineFuture | ThreadFuture


def deliver(completions: Iterable[Completion], then: Callable[[], None] | None = None) -> int:
    """Settle futures from any thread, waking each event loop once, and call `then` there.

    Returns the number of loops.
    """
    batches: dict[asyncio.AbstractEventLoop, list[Completion]] = {}
    current: asyncio.AbstractEventLoop | None = None
    batch: list[Completion] = []
    for completion in completions:
        future = completion[0]
        if isinstance(future, ThreadFuture):
            future.settle(completion[1], completion[2])
            continue
        loop = future.get_loop()
        if loop is not current:
            current = loop
            batch = batches.setdefault(loop, [])
        batch.append(completion)
    for loop, batch in batches.items():
        call_threadsafe(loop, settle, batch, then)
    return len(batches)


def settle(completions: list[Completion], then: Callable[[], None] | None = None) -> None:
    """Settle futures of the running loop, then call `then`."""
    for future, result, error in completions:
        if isinstance(future, ThreadFuture) or future.done():
            continue  # settled already, or cancelled
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
    if then is not None:
        then()
