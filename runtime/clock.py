"""Clock: an application's source of time, handed in so that a test can move it.

Due times, retries, time-outs of handlers, rate limits, restart delays and maintenance ask a clock.
Leases, lock waits, client time-outs, the drain's budget and log lines always use real time:
`tests/test_time.py` lists those modules.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec


class Timer(Protocol):
    """A scheduled callback."""

    def cancel(self) -> None:
        """Do nothing if it has fired already."""
        ...


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Functions, not methods, so that the real clock costs no call more than `time` itself."""

    time: Callable[[], float]
    """Seconds since 1970."""
    monotonic: Callable[[], float]
    """Seconds since an arbitrary moment; never set back."""
    call_later: Callable[[float, Callable[[], Any]], Timer]
    """Schedules a callback on the running event loop, that many seconds from now."""
    look: float = 60.0
    """Seconds after which a long wait reads `time` again, since somebody may set it."""


def _call_later(seconds: float, callback: Callable[[], Any]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, callback)


REAL = Clock(time=time.time, monotonic=time.monotonic, call_later=_call_later)


def until_beat(interval: float, now: float) -> float:
    """Seconds until something that is done every `interval` of them is done again.

    All that has the same interval is due at the same moments, whenever it began: a program that
    is idle wakes up once for all of it. `now` is of the clock that its timer uses.
    """
    left = interval - now % interval
    # A timer may fire a little too early.
    return left if left > interval / 10 else left + interval


def repeat(
    loop: asyncio.AbstractEventLoop, interval: Callable[[], float], call: Callable[[], None]
) -> Callable[[], None]:
    """Call now, in the thread of the loop, and then every `interval()` seconds of real time, at the
    moments of `until_beat`. The returned function stops it.
    """
    timer: asyncio.TimerHandle | None = None

    def fire() -> None:
        nonlocal timer
        timer = loop.call_later(until_beat(interval(), loop.time()), fire)
        call()

    def stop() -> None:
        if timer is not None:
            timer.cancel()

    fire()
    return stop


async def wait_for(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Wait until `event` is set, for at most `seconds` of `clock`. Returns True if it is set."""
    if event.is_set():
        return True
    waiting = asyncio.create_task(event.wait())
    timer = clock.call_later(seconds, waiting.cancel)
    try:
        await asyncio.wait([waiting])
    finally:
        timer.cancel()
        waiting.cancel()
    return event.is_set()
