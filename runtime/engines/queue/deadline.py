"""Deadlines: the end of the time that handlers have, with one timer for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

NONE = float("inf")
COARSEST = 0.01
"""Seconds between two looks at the least: with a thousand handlers a look costs 50 µs."""


class Timed(Protocol):
    """Something that has time until `deadline`, on the loop's clock; NONE if it is idle."""

    deadline: float

    def expire(self) -> None: ...


class Deadlines:
    """Gives each of `subjects` `timeout` seconds from `begin` on.

    A timer for each call would cost more than most calls. Here a look at all of them is due when
    the earliest may be over, so short calls under a long time-out cost next to nothing.
    """

    def __init__(self, timeout: float, subjects: Sequence[Timed]) -> None:
        self.timeout = timeout
        self._subjects = subjects
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, subject: Timed) -> None:
        subject.deadline = self._loop.time() + self.timeout
        if self._timer is None:
            self._timer = self._loop.call_at(subject.deadline, self._look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for subject in self._subjects:
            if subject.deadline <= now:
                subject.deadline = NONE
                subject.expire()
        earliest = min((subject.deadline for subject in self._subjects), default=NONE)
        if earliest != NONE:
            self._timer = self._loop.call_at(max(earliest, now + COARSEST), self._look)
