"""RefusalLog: log lines for messages that a queue refused, few of them however many there are."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.clock import Clock, Timer
from runtime.loggers import logger

log = logger("runtime.queue")

INTERVAL = 60.0
"""Seconds between two counts of what was refused for a reason that is known."""
MAX_REASONS = 100
"""Reasons that are counted apart; their texts may name anything."""

_Reason = tuple[str, str]
"""The entry that published, and the text of the error."""


class RefusalLog:
    """The first refusal of each publisher and reason is logged at once, the others as a number."""

    def __init__(self, clock: Clock) -> None:
        self._call_later = clock.call_later
        self._counts: dict[_Reason, int] = {}
        self._timer: Timer | None = None

    def refused(self, error: Exception, entry: str, ids: Mapping[str, object]) -> None:
        """Log or count that an entry could not publish; `ids` are those of its log lines."""
        reason = entry, str(error)
        if reason not in self._counts and len(self._counts) >= MAX_REASONS:
            reason = entry, "more reasons than are counted"
        if reason in self._counts:
            self._counts[reason] += 1
            return
        self._counts[reason] = 0
        log.warning("%s could not publish: %s", *reason, extra={"entry": entry, **ids})
        if self._timer is None:
            self._timer = self._call_later(INTERVAL, self._tell_counts)

    def _tell_counts(self) -> None:
        for (entry, text), count in list(self._counts.items()):
            if count:
                extra = {"entry": entry, "fields": {"count": count}}
                log.warning(
                    "%s could not publish %d times more: %s", entry, count, text, extra=extra
                )
        # A reason that did not come again is news when it does.
        self._counts = {reason: 0 for reason, count in self._counts.items() if count}
        going_on = bool(self._counts)
        self._timer = self._call_later(INTERVAL, self._tell_counts) if going_on else None
