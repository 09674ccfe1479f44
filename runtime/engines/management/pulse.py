"""Pulse: takes a snapshot on the main loop four times a second, for the threads that ask.

Nothing else of the application is looked at from another thread: containers that change are not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from runtime.clock import until_beat
from runtime.engines.management.snapshot import Lag, Snapshot
from runtime.loggers import logger

INTERVAL = 0.25
"""Seconds between two snapshots."""
_MINUTE, _MINUTES = 60.0, 15

log = logger("runtime.management")


class _Beat(NamedTuple):
    """A snapshot and when it was taken."""

    snapshot: Snapshot
    at: float


class Pulse:
    """Asks `observe` for a snapshot every quarter of a second, and publishes it.

    `observe` runs on the loop and must be quick; an error of it is logged once, and the snapshot
    before it stays the newest.
    """

    def __init__(self, observe: Callable[[Lag], Snapshot]) -> None:
        self._observe = observe
        self._newest = _Beat(observe(Lag()), monotonic())
        self._lags: deque[float] = deque([0.0], maxlen=_MINUTES)
        self._minute_ends = monotonic() + _MINUTE
        self._timer: asyncio.TimerHandle | None = None
        self._failed = False
        self.on_beat: Callable[[Snapshot], None] | None = None
        """Called with each snapshot, on the loop."""
        self.listeners: list[Callable[[float], None]] = []
        """Each is called before a snapshot, on the loop, with how late that is in seconds."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the loop's thread, and go on until `stop`."""
        self._schedule(loop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read(self) -> Snapshot:
        """The newest snapshot with its age. Never waits; from any thread."""
        newest = self._newest
        return replace(newest.snapshot, age=round(monotonic() - newest.at, 3))

    @property
    def age(self) -> float:
        """Seconds since the newest snapshot; from any thread."""
        return monotonic() - self._newest.at

    def beat(self, lag: float = 0.0) -> None:
        """Take a snapshot now."""
        now = monotonic()
        if now >= self._minute_ends:
            self._lags.append(0.0)
            self._minute_ends = now + _MINUTE
        self._lags[-1] = max(self._lags[-1], lag)
        try:
            for listener in self.listeners:
                listener(lag)
            snapshot = self._observe(Lag(round(lag, 4), round(max(self._lags), 4)))
        except Exception:
            if not self._failed:  # else a fault of ours would fill the log
                self._failed = True
                log.exception("the state cannot be read; please report it")
            # With its time: the loop does turn.
            snapshot = self._newest.snapshot
        self._newest = _Beat(snapshot, monotonic())
        if self.on_beat is not None:
            self.on_beat(snapshot)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        due = now + until_beat(INTERVAL, now)

        def fire() -> None:
            if self._timer is not None:
                self.beat(max(0.0, loop.time() - due))
                self._schedule(loop)

        self._timer = loop.call_at(due, fire)
