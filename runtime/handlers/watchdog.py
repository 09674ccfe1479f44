"""Watchdog: says who holds the event loop, or all threads of `def` handlers, for a second."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic, process_time
from types import FrameType
from typing import NamedTuple

from runtime.clock import until_beat
from runtime.handlers.context import current
from runtime.handlers.invocation import Invocation
from runtime.handlers.place import is_foreign, line_of
from runtime.handlers.threads import Occupant, ThreadPool
from runtime.loggers import logger
from runtime.units import format_duration

LIMIT = 1.0
"""Seconds after which it is told."""
_PROBE = 0.25
"""Seconds between two looks."""
_AFTER = 0.02
"""Seconds by which it looks after the loop should have turned; if it has not, it is held since."""
_SLICE = 0.1
"""Seconds of waiting that are counted at a time."""
_MOST_GROUPS = 5

_log = logger("runtime.handlers")


class _Place(NamedTuple):
    """The entry whose handler runs, if that is known, and its line."""

    entry: str
    line: str

    def __str__(self) -> str:
        return f"{self.entry} at {self.line}" if self.entry else self.line


class Held(NamedTuple):
    """A handler that keeps the event loop, or another line that does."""

    entry: str
    line: str
    since: float

    @property
    def seconds(self) -> float:
        return monotonic() - self.since


class Watchdog:
    """A thread beside the event loop. What stands still together with it, such as a program that
    is stopped by a debugger or has no processor, is not counted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: ThreadPool) -> None:
        """To be made in the thread of the loop."""
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._pool = pool
        self._stopped = threading.Event()
        self._turned = threading.Event()
        """Set by each sign of the loop, and cleared by each look."""
        self._due = monotonic()
        """When the loop gives its next sign, unless it is held."""
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._taken_since: float | None = None
        self.held: Held | None = None
        """Set while the loop has been kept for more than a second; for any thread."""
        self.on_held: Callable[[], None] = _ignore
        """Called in the watchdog's thread when `held` has changed."""
        self.blocks: Counter[str] = Counter()
        """The number of times that the loop was kept for a second, by entry."""
        self._finished: deque[int] = deque(maxlen=round(LIMIT / _PROBE) + 1)

    def start(self) -> None:
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def join(self) -> None:
        """Wait until its thread has ended, after `stop`."""
        self._thread.join()

    def _turn(self) -> None:
        """Give a sign on the loop that it turns: to be asked for it would wake it once more."""
        wait = until_beat(_PROBE, self._loop.time())
        self._due = monotonic() + wait
        self._turned.set()
        if not self._stopped.is_set():
            self._loop.call_later(wait, self._turn)

    def _run(self) -> None:
        stopwatch = _Stopwatch()
        while not self._stopped.wait(pause := max(0.0, self._due + _AFTER - monotonic())):
            # Some functions written in C keep the interpreter to themselves, from this thread too.
            self._check_loop(stopwatch.lap(pause) - pause + _AFTER)
            self._check_threads()
            stopwatch.lap()

    def _check_loop(self, held: float) -> None:
        place, stopwatch = None, _Stopwatch()
        if held >= LIMIT:
            self._turned.clear()  # that was before
            place = self._tell(held)
        while not self._turned.wait(_SLICE if place else min(_SLICE, LIMIT - held)):
            if self._stopped.is_set():
                return
            held += stopwatch.lap()
            if held >= LIMIT and place is None:
                place = self._tell(held)
        self._turned.clear()
        if place is not None:
            self.held = None
            self.on_held()
            held += stopwatch.lap()
            _log.warning(
                "the event loop is free again after %s; it was held by %s",
                format_duration(held),
                place,
                extra=_entry(place),
            )

    def _tell(self, held: float) -> _Place:
        place = self._holder()
        text = "the event loop has been held for %s by %s; all else waits for it"
        _log.warning(text, format_duration(held), place, extra=_entry(place))
        self.held = Held(place.entry, place.line, monotonic() - held)
        self.blocks[place.entry] += 1
        self.on_held()
        return place

    def _holder(self) -> _Place:
        """The place where the loop's thread is; if it runs no handler, a `def` that one of the
        others runs, since that may keep the interpreter.
        """
        frames = sys._current_frames()
        frame = at = frames.get(self._loop_thread)
        while at is not None:
            if at.f_code is Invocation._call.__code__:
                return _Place(str(at.f_locals["self"].entry), line_of(frame))
            at = at.f_back
        if frame is None or is_foreign(frame.f_code.co_filename):
            for occupant in self._pool.busy():
                return _thread_place(occupant, frames)
        return _Place("", line_of(frame))

    def _check_threads(self) -> None:
        pool = self._pool
        occupants = pool.occupants()
        self._finished.append(pool.finished)
        if not occupants:
            self._finished.clear()
            if self._taken_since is not None:
                lasted = format_duration(monotonic() - self._taken_since)
                _log.warning("a thread for 'def' handlers is free again after %s", lasted)
                self._taken_since = None
        elif self._taken_since is None and self._are_taken(occupants):
            self._taken_since = min(occupant.since for occupant in occupants)
            _log.warning(
                "all %d threads for 'def' handlers are taken: %s; calls wait for one "
                "(there are more with --threads)",
                pool.size,
                _groups(occupants),
            )

    def _are_taken(self, occupants: list[Occupant]) -> bool:
        """True if each call takes a second already, or one that comes now will wait for one."""
        if monotonic() - max(occupant.since for occupant in occupants) >= LIMIT:
            return True
        if len(self._finished) < (self._finished.maxlen or 0):
            return False
        return self._pool.waiting > self._finished[-1] - self._finished[0]


def _ignore() -> None:
    """Nobody wants to know."""


class _Stopwatch:
    """Counts time in which this program could run."""

    def __init__(self) -> None:
        self._last, self._used = monotonic(), process_time()

    def lap(self, expected: float = _SLICE) -> float:
        """Seconds since the last lap. Of one that took far longer than expected, those of the
        processor: it may have been spent in a C function, and else the whole program stood still.
        """
        now, used = monotonic(), process_time()
        passed, worked = now - self._last, used - self._used
        self._last, self._used = now, used
        late = passed - expected
        return passed if late < 2 * _SLICE else max(expected, min(worked, passed))


def _groups(occupants: list[Occupant]) -> str:
    """`38 by app:a at a.py:3 (f), 2 by app:b at b.py:7 (g)`."""
    frames = sys._current_frames()
    places = Counter(_thread_place(occupant, frames) for occupant in occupants)
    texts = [f"{count} by {place}" for place, count in places.most_common(_MOST_GROUPS)]
    if left := len(occupants) - sum(count for _, count in places.most_common(_MOST_GROUPS)):
        texts.append(f"{left} by others")
    return ", ".join(texts)


def _thread_place(occupant: Occupant, frames: dict[int, FrameType]) -> _Place:
    call = occupant.context.get(current)
    return _Place(str(call.entry) if call else "", line_of(frames.get(occupant.thread)))


def _entry(place: _Place) -> dict[str, str]:
    return {"entry": place.entry} if place.entry else {}
