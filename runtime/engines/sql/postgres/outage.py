"""Outage: the time in which a server cannot be reached."""

from __future__ import annotations

from copy import copy

from runtime.backoff import Backoff
from runtime.loggers import logger
from runtime.service import Unavailable

log = logger("runtime.sql")

_RECONNECT = Backoff(initial_delay=0.1, max_delay=1.0)
_NEVER = float("inf")


class Outage:
    """Says when the server is tried again; until then calls fail at once. Logged once, and its end.

    A server that was never reached is not lost: whoever starts says why it cannot be reached.
    Times are those of the event loop.
    """

    def __init__(self, name: str) -> None:
        self.failure: Unavailable | None = None
        """The reason; None while the server can be reached."""
        self.retry_at = _NEVER
        self._failures = 0
        self._was_reached = False
        self._name = name

    def failed(self, error: Exception, now: float) -> Unavailable:
        """Record a failed attempt, and return the error for those that wait."""
        if self.failure is None and self._was_reached:
            text = "%s: the server is lost: %s; it is tried again"
            log.error(text, self._name, error, extra={"entry": self._name})
        self._failures += 1
        self.retry_at = now + _RECONNECT.delay(self._failures)
        self.failure = Unavailable(str(error))
        return self.failure

    def recovered(self) -> None:
        """Record an attempt that was successful."""
        if self.failure is not None and self._was_reached:
            text = "%s: the server is back"
            log.info(text, self._name, extra={"entry": self._name})
        self._was_reached = True
        self.failure = None
        self.retry_at = _NEVER
        self._failures = 0

    def check(self, now: float) -> None:
        """Raise Unavailable if it is too early for another attempt."""
        if self.failure is not None and now < self.retry_at:
            raise copy(self.failure)
