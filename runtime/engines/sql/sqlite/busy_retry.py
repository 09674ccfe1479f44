"""Patience: waiting for a lock that another program has on a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from runtime.engines.sql.sqlite.errors import code

T = TypeVar("T")

SHORTEST, LONGEST = 0.0005, 0.002
"""Seconds between two tries. Under load a lock is free for moments only, between two commits of
who has it; SQLite's own waiting, whose pauses grow to 100 ms, may miss them for ever."""


class BusyRetry:
    """Tries again until a lock is free, or has been seen taken for more than `seconds`.

    Use it on a connection that does not wait by itself (`timeout=0`). One patience serves all that
    comes one after the other on a connection: what waited behind something else, while the lock
    was taken, has waited for the lock.
    """

    def __init__(self, seconds: float, given_up: Callable[[], bool] = lambda: False) -> None:
        """`given_up` is asked at each try: whether nobody wants the outcome any more."""
        self.seconds = seconds
        self._given_up = given_up
        self._since: float | None = None
        """Since when each try has found it locked."""

    def __call__(self, action: Callable[[], T], asked: float = 0.0) -> T:
        """Do something that fails as a whole if it finds a lock, and give what it returned.

        Who asked for it at the time `asked` waits from then on. Raises what the action raises.
        """
        pause = SHORTEST
        while True:
            try:
                result = action()
            except sqlite3.Error as error:
                if not self._bears(error, asked):
                    raise
            else:
                self._since = None
                return result
            sleep(pause)
            pause = min(pause * 1.5, LONGEST)

    def _bears(self, error: sqlite3.Error, asked: float) -> bool:
        """Whether to try once more; if not, the error says how long it has been locked."""
        if code(error) != sqlite3.SQLITE_BUSY:
            self._since = None
            return False
        now = monotonic()
        if self._since is None:
            self._since = now
        if now <= max(self._since, asked) + self.seconds:
            return not self._given_up()
        error.args = (
            f"the database was locked by another program for more than {self.seconds:g} s",
        )
        return False
