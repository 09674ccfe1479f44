"""Deadlines: time limits of handlers, with one timer for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runtime.clock import Clock, Timer

NONE = float("inf")
COARSEST = 0.01
"""Least seconds between two checks: with a thousand handlers a check costs 50 µs."""


class Timed(Protocol):
    """Something with a `deadline` on the clock's monotonic time; NONE while it is idle."""

    deadline: float

    def expire(self) -> None: ...


class Deadlines:
    """Gives each of `subjects` `timeout` seconds from `begin` on.

    A timer for each call would cost more than most calls. Here all subjects are checked when the
    earliest may have expired, so short calls with a long time limit cost next to nothing.
    """

    def __init__(self, timeout: float, subjects: Sequence[Timed], clock: Clock) -> None:
        self.timeout = timeout
        self._subjects = subjects
        self._now = clock.monotonic
        self._call_later = clock.call_later
        self._timer: Timer | None = None

    @property
    def is_on(self) -> bool:
        """True while there is a time to check."""
        return self._timer is not None

    def begin(self, subject: Timed) -> None:
        """Start the time of a subject."""
        subject.deadline = self._now() + self.timeout
        if self._timer is None:
            self._timer = self._call_later(self.timeout, self._check)

    def close(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        self._timer = None
        now = self._now()
        for subject in self._subjects:
            if subject.deadline <= now:
                subject.deadline = NONE
                subject.expire()
        earliest = min((subject.deadline for subject in self._subjects), default=NONE)
        if earliest != NONE:
            self._timer = self._call_later(max(earliest - now, COARSEST), self._check)
