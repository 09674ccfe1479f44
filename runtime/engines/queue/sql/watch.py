"""Watch: notices that messages which were claimed ahead wait for longer than was expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from runtime.clock import Clock, Timer
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.pace import MOMENT

LONGEST_WAIT = 2 * MOMENT
"""Seconds within which all that was claimed ahead should have been received."""


class Watch:
    """One timer for all of them, which is set only while there are some."""

    def __init__(self, ahead: deque[Message], clock: Clock, late: Callable[[], None]) -> None:
        """`late()` is called when one of `ahead` has been there for `LONGEST_WAIT`."""
        self._ahead = ahead
        self._call_later = clock.call_later
        self._late = late
        self._timer: Timer | None = None
        self._last: Message | None = None

    def begin(self) -> None:
        """Watch those that are ahead now, unless some are watched already."""
        if self._ahead and self._timer is None:
            self._last = self._ahead[-1]
            self._timer = self._call_later(LONGEST_WAIT, self._check)

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._last in self._ahead:
            self._late()
        else:
            self.begin()
