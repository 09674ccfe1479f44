"""FailureLog: log lines for requests that fail, few of them however many fail alike."""

from __future__ import annotations

from typing import NamedTuple

from runtime.clock import REAL, Clock, Timer
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route
from runtime.loggers import logger

_log = logger("runtime.http")

_INTERVAL = 60.0
_MAX_REASONS = 100
"""Reasons that are counted apart; their texts may name anything."""
_MAX_TEXT = 300


class _Reason(NamedTuple):
    route: str
    entry: str
    text: str


class FailureLog:
    """Logs exceptions of handlers.

    One that declares a status of its own, such as a full queue, is expected under load: the first
    of each reason and route is logged at once, the others as a number each minute.
    """

    def __init__(self, clock: Clock = REAL) -> None:
        self._clock = clock
        self._counts: dict[_Reason, int] = {}
        self._timer: Timer | None = None

    def failed(self, error: BaseException, exchange: Exchange, route: Route) -> None:
        """Log an exception that is a mistake of the handler, with its traceback."""
        _log.error(
            "%s %s failed: %s",
            exchange.scope["method"],
            route.path,
            _describe(error),
            exc_info=error,
            extra={"entry": exchange.failed_in or route.name, "request_id": exchange.request_id},
        )

    def unavailable(
        self, error: BaseException, status: int, exchange: Exchange, route: Route
    ) -> None:
        """Log or count an exception that has become a response with this status."""
        entry = exchange.failed_in or route.name
        reason = _Reason(f"{route.method} {route.path}", entry, f"{status}: {_text(error)}")
        if reason not in self._counts and len(self._counts) >= _MAX_REASONS:
            reason = reason._replace(text=f"{status}, for more reasons than are counted")
        if reason in self._counts:
            self._counts[reason] += 1
            return
        self._counts[reason] = 0
        ids = {"entry": entry, "request_id": exchange.request_id}
        _log.warning("%s was answered with %s", reason.route, reason.text, extra=ids)
        if self._timer is None:
            self._timer = self._clock.call_later(_INTERVAL, self._log_counts)

    def close(self) -> None:
        """Log the counts since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._log_counts(last=True)
        self._counts.clear()

    def _log_counts(self, last: bool = False) -> None:
        for reason, count in list(self._counts.items()):
            if not count:
                del self._counts[reason]
                continue
            self._counts[reason] = 0
            _log.warning(
                "%s was answered %d times more with %s",
                reason.route,
                count,
                reason.text,
                extra={"entry": reason.entry},
            )
        going_on = self._counts and not last
        self._timer = self._clock.call_later(_INTERVAL, self._log_counts) if going_on else None


def _describe(error: BaseException) -> str:
    """The type and the whole text: the log takes secrets out, which it could not of a part."""
    try:
        text = str(error)
    except Exception:  # an exception of the user's with a broken __str__
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(error: BaseException) -> str:
    """The first line of an exception's text; its type's name if it has none."""
    try:
        line = str(error).strip().partition("\n")[0]
    except Exception:  # an exception of the user's with a broken __str__
        line = ""
    return (line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}…") or type(error).__name__
