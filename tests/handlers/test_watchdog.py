"""The signs of the loop, and the looks of the watchdog at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Thread
from time import monotonic

import pytest

from runtime.handlers.threads import ThreadPool
from runtime.handlers.watchdog import LIMIT, Watchdog
from tests.support.blackbox import eventually


class Loop(asyncio.AbstractEventLoop):
    """Has some time, and keeps what is to be called later."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.later: list[float] = []

    def time(self) -> float:
        return self.now

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *arguments: object
    ) -> None:
        self.later.append(delay)


@pytest.mark.parametrize("now", [100.0, 100.1, 100.235])
def test_the_thread_looks_when_the_sign_is_due_wherever_in_its_beat_the_loop_turned(
    now: float,
) -> None:
    loop = Loop(now)
    watchdog = Watchdog(loop, ThreadPool(1))
    before = monotonic()
    watchdog._turn()

    (delay,) = loop.later
    assert before + delay <= watchdog._due <= monotonic() + delay


def test_a_sign_from_before_does_not_end_what_holds_the_loop_now() -> None:
    watchdog = Watchdog(Loop(100.0), ThreadPool(1))
    watchdog._turned.set()
    ended = [False]

    def on_held() -> None:
        ended[0] = watchdog.held is None

    watchdog.on_held = on_held
    looking = Thread(target=watchdog._check_loop, args=(LIMIT + 0.5,), daemon=True)
    looking.start()
    eventually(lambda: watchdog.held is not None)
    assert not watchdog._turned.is_set()
    assert looking.is_alive()

    watchdog._turned.set()
    looking.join(30)
    assert ended == [True]
    assert sum(watchdog.blocks.values()) == 1
