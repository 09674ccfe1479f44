"""Overflow: the publishers that wait for room in a full queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from runtime.clock import Clock
from runtime.engines.queue.driver_queue import Full

_FEW = 8
"""Entries that may be left in the line by publishers that gave up."""


class Overflow:
    """Publishers that wait for room, admitted in the order in which they came.

    Nobody waits while `timeout` is None. At most as many wait as messages may: each holds one.
    """

    def __init__(self, clock: Clock, unused: Callable[[int], object]) -> None:
        """`unused` is called with the room of a publisher that was admitted and leaves instead."""
        self.timeout: float | None = None
        """Seconds that a publisher waits before it is refused; None if it is refused at once."""
        self.places = 0
        """The number of publishers that wait or try to publish after they were admitted."""
        self.unused = unused
        self.clock = clock
        self.numbers = count()
        self._line: list[Place] = []
        """A heap of those that wait, and of some that gave up."""

    def configure(self, options: Mapping[str, Any]) -> None:
        """Take over `overflow` and `overflow_timeout`, if a driver's options have them."""
        waits = options.get("overflow") == "wait"
        self.timeout = options["overflow_timeout"] if waits else None

    def enter(self, error: Full, most: int, size: int = 1) -> Place:
        """A place behind all others for so many messages, to be used in `with`. Raises `error` if
        there is none for one more than `most`, or nobody waits.
        """
        if self.timeout is None or self.places >= most:
            raise error
        return Place(self, self.timeout, error, size)

    def admit(self, most: int = 1) -> int:
        """Admit the first publishers that wait, of so many messages at most: one behind another
        that needs more waits too. Returns how many messages.
        """
        admitted = 0
        while admitted < most and self._line:
            first = self._line[0]
            if not first.admission.done():
                if admitted + first.size > most:
                    break
                first.admission.set_result(None)
                admitted += first.size
            heappop(self._line)
        return admitted

    @property
    def has_line(self) -> bool:
        """True if somebody waits, with too little room for it perhaps."""
        while self._line and self._line[0].admission.done():
            heappop(self._line)
        return bool(self._line)

    def refuse(self) -> None:
        """Refuse everybody who waits: no room will come."""
        for place in self._line:
            place.expire()

    def add(self, place: Place) -> None:
        """Called by a place that begins to wait."""
        if len(self._line) > 2 * self.places + _FEW:
            self._line = [other for other in self._line if not other.admission.done()]
            heapify(self._line)
        heappush(self._line, place)


class Place:
    """One publisher's place in the line, for the time-out of its queue."""

    def __init__(self, overflow: Overflow, timeout: float, error: Full, size: int) -> None:
        self.size = size
        """The number of messages that it needs room for."""
        self.admission: asyncio.Future[None]
        self._overflow = overflow
        self._number = next(overflow.numbers)
        self._timeout = timeout
        self._refusal = Full(
            f"{error}, and no room came within {timeout:g} s", error.length, timeout
        )
        self._expired = False

    def __enter__(self) -> Place:
        self._overflow.places += 1
        self._timer = self._overflow.clock.call_later(self._timeout, self.expire)
        return self

    def __exit__(self, *error: object) -> None:
        self._overflow.places -= 1
        self._timer.cancel()

    def __lt__(self, other: Place) -> bool:
        return self._number < other._number

    async def admitted(self) -> None:
        """Wait to be admitted; a second time, at the same place. Raises Full after the time-out.

        A cancelled wait gives its admission back.
        """
        if self._expired:
            raise self._refusal
        admission = self.admission = asyncio.get_running_loop().create_future()
        self._overflow.add(self)
        try:
            await admission
        except asyncio.CancelledError:
            # If it was done, the task was cancelled between that and its own next step.
            if not admission.cancelled() and admission.exception() is None:
                self._overflow.unused(self.size)
            raise

    def expire(self) -> None:
        """Refuse the publisher, now or if it is not admitted for good."""
        self._expired = True
        if not self.admission.done():
            self.admission.set_exception(self._refusal)
