"""Rest: the time in which a consumer claims nothing, since its rate allows nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import uniform

from runtime.clock import Clock, Timer
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.sql.operations import Claimed

LONGEST_TURN = 1.0
"""Most seconds, by chance, that a consumer waits for its turn beside those of other programs."""


class Rest:
    """One timer, which is set by the answers to claims."""

    def __init__(self, clock: Clock, limits: Limits | None, over: Callable[[], None]) -> None:
        """`over()` is called at the end of a rest."""
        self._call_later = clock.call_later
        self._over = over
        self._timer: Timer | None = None
        self._interval = limits.rate.interval if limits and limits.rate else 0.0
        self._refusals = 0
        """Claims in a row that came when another program had just been faster."""
        self.is_on = False
        self.has_rate = self._interval > 0
        """True if nothing is claimed ahead: it would be begun later than the rate allows it."""

    def begin(self, claimed: Claimed) -> None:
        """Rest after a claim for as long as its answer says."""
        wait = claimed.wait
        if not wait:
            return
        if claimed.messages or wait < self._interval / 2:
            self._refusals = 0
        else:  # else all programs would claim whenever one of them may
            self._refusals += 1
            wait += uniform(0, min(LONGEST_TURN, self._refusals * self._interval))
        self.is_on = True
        self._timer = self._call_later(wait, self._end)

    def end(self) -> None:
        """Forget the rest."""
        self.is_on = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self.end()
        self._over()
