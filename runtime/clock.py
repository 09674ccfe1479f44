"""Clock: the time that an application goes by, handed in so that a test can move it.

Due times, retries, time-outs of handlers, rate limits, restart delays and maintenance ask a clock.
Leases, lock waits, client time-outs, the drain's budget and log lines always use real time:
`tests/test_architecture.py` lists those modules.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None: ...


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Functions, not methods, so that the real clock costs no call more than `time` itself."""

    time: Callable[[], float]
    """Seconds since 1970."""
    monotonic: Callable[[], float]
    """Seconds since some moment; never set back."""
    call_later: Callable[[float, Callable[[], Any]], Timer]
    """Call back on the event loop that runs now, so many seconds from now."""


def _call_later(seconds: float, callback: Callable[[], Any]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, callback)


REAL = Clock(time=time.time, monotonic=time.monotonic, call_later=_call_later)


async def wait_for(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Wait until `event` is set, `seconds` at most by `clock`; whether it is set."""
    if event.is_set():
        return True
    over = asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    waiting = [asyncio.create_task(event.wait()), asyncio.create_task(over.wait())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        for task in waiting:
            task.cancel()
    return event.is_set()
