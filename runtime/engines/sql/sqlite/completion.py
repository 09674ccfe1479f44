"""Waiter: who waits for a statement, and how its outcome gets there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock
from typing import Any

Completion = tuple["ResultFuture", Any, Exception | None]
"""Who waited, the result, and the error if there is one."""


class ThreadFuture:
    """A place for one outcome that another thread brings."""

    __slots__ = ("_error", "_lock", "_result")

    def __init__(self) -> None:
        self._result: Any = None
        self._error: Exception | None = None
        self._lock = Lock()
        self._lock.acquire()

    def cancelled(self) -> bool:
        return False

    def settle(self, result: Any, error: Exception | None) -> None:
        """Bring the outcome; the first one counts."""
        if self._lock.locked():
            self._result, self._error = result, error
            self._lock.release()

    def wait(self) -> Any:
        """Block until the outcome is there: return the result or raise the error."""
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._result


ResultFuture = asyncio.Future[Any] | ThreadFuture


def deliver(outcomes: Iterable[Completion]) -> None:
    """Hand outcomes to their waiters from any thread, waking each event loop once."""
    batches: dict[asyncio.AbstractEventLoop, list[Completion]] = {}
    current: asyncio.AbstractEventLoop | None = None
    batch: list[Completion] = []
    for outcome in outcomes:
        waiter = outcome[0]
        if isinstance(waiter, ThreadFuture):
            waiter.settle(outcome[1], outcome[2])
            continue
        loop = waiter.get_loop()
        if loop is not current:
            current = loop
            batch = batches.setdefault(loop, [])
        batch.append(outcome)
    for loop, batch in batches.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, batch)


def _resolve(outcomes: list[Completion]) -> None:
    for future, result, error in outcomes:
        if isinstance(future, ThreadFuture) or future.done():
            continue  # settled before; cancelled
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
