"""BusyRetry: wait for a lock that another program has on a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from runtime.engines.sql.sqlite.errors import code

T = TypeVar("T")

SHORTEST, LONGEST = 0.0005, 0.002
"""Seconds between two tries. Under load a lock is free for moments only, between two commits of
its holder; SQLite's own busy handler, whose pauses grow to 100 ms, may miss them for ever."""


class BusyRetry:
    """Retries until a lock is free, or has been seen taken for more than `seconds`.

    For a connection that does not wait by itself (`timeout=0`). Share one among all that runs in
    sequence on a connection: a caller queued behind another one, while the lock was taken, has
    waited for the lock too.
    """

    def __init__(self, seconds: float, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        """`is_abandoned` is asked before each retry; once true, nobody wants the result."""
        self.seconds = seconds
        self._is_abandoned = is_abandoned
        self._locked_since: float | None = None
        """The time of the first of the failed tries in a row."""

    def __call__(self, action: Callable[[], T], requested_at: float = 0.0) -> T:
        """Call an action that has no effect if it finds a lock, and return its result.

        The wait counts from `requested_at` (`monotonic`) at the earliest. Raises the action's
        errors; the one for a lock then says how long the database was locked.
        """
        pause = SHORTEST
        while True:
            try:
                result = action()
            except sqlite3.Error as error:
                if not self._should_retry(error, requested_at):
                    raise
            else:
                self._locked_since = None
                return result
            sleep(pause)
            pause = min(pause * 1.5, LONGEST)

    def _should_retry(self, error: sqlite3.Error, requested_at: float) -> bool:
        if code(error) != sqlite3.SQLITE_BUSY:
            self._locked_since = None
            return False
        now = monotonic()
        if self._locked_since is None:
            self._locked_since = now
        if now <= max(self._locked_since, requested_at) + self.seconds:
            return not self._is_abandoned()
        error.args = (
            f"the database was locked by another program for more than {self.seconds:g} s",
        )
        return False
