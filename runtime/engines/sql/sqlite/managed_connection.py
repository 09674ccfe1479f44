"""Session: the connection of a thread, kept fit for use."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from msgspec.structs import replace

from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.connection import Settings, identity, see_known
from runtime.engines.sql.sqlite.errors import is_of_the_disk, is_passing, uncertain
from runtime.service import StartError, Unavailable

log = logging.getLogger("runtime.sqlite")

T = TypeVar("T")

LOOK = 0.01
"""Seconds between two looks at the file: one at each commit would be felt in the small ones."""


class ManagedConnection:
    """A connection that waits for locks, and is opened anew after a fault of the disk.

    Opens it when it is made, and raises then what `opening` does.
    """

    def __init__(
        self,
        opening: Callable[[Settings], sqlite3.Connection],
        settings: Settings,
        given_up: Callable[[], bool],
    ) -> None:
        self.connection = opening(settings)
        self.fault: Exception | None = None
        """What casts doubt on the connection, until `renew`."""
        self.settings = replace(settings, known=identity(settings))
        self._opening = opening
        self._patience = BusyRetry(settings.busy_timeout, given_up)
        self._ill = False
        self._look = 0.0

    def renew(self) -> Exception | None:
        """Open the connection anew if it is in doubt; give what keeps it from that, if anything.

        Raises FileLost.
        """
        if self.fault is None:
            return None
        see_known(self.settings)
        self.close()
        try:
            self.connection = self._opening(self.settings)
        except (StartError, Unavailable) as error:
            self.fault = Unavailable(str(error))
        else:
            self.fault = None
        return self.fault

    def alone(self, action: Callable[[], T], asked: float) -> T:
        """Do something outside of any transaction; what it changed is committed then."""
        try:
            result = self._patience(action, asked)
        except sqlite3.Error as error:
            self.undo(error)
            raise
        if self.connection.in_transaction:
            self.undo()
            raise RuntimeError("the statement left a transaction open, which was rolled back")
        self._well()
        return result

    def begin(self, asked: float) -> None:
        """Begin a transaction that will write."""
        try:
            self._patience(lambda: self.connection.execute("BEGIN IMMEDIATE"), asked)
        except sqlite3.Error as error:
            self.undo(error)
            raise

    def commit(self) -> None:
        """Commit. What it raises, the transaction was rolled back, unless it is Uncertain."""
        try:
            self._patience(lambda: self.connection.execute("COMMIT"))
        except sqlite3.Error as error:
            self.undo(error)
            if is_of_the_disk(error):
                raise uncertain(error) from None
            raise
        self._well()

    def undo(self, error: Exception | None = None) -> None:
        """Roll back the open transaction, if there is one, and note the error for which."""
        if error is not None:
            self.note(error)
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):  # at the latest it is undone with the connection
                self.connection.execute("ROLLBACK")

    def note(self, error: Exception) -> None:
        """Judge an error of the connection: log the first fault of the disk, and doubt."""
        if is_of_the_disk(error):
            self.fault = error
        if is_passing(error) and not self._ill:
            self._ill = True
            log.error("'%s' takes nothing for now: %s", self.settings.label, error)

    def see_file(self) -> None:
        """Raise FileLost if the open file is not the one at its path any more.

        To be called before anybody is told that a change is done: what is written to a deleted
        file is gone with the last program that has it open.
        """
        now = monotonic()
        if now >= self._look:
            see_known(self.settings)
            self._look = now + LOOK

    def interrupt(self) -> None:
        """Break off the statement that runs now, if one does. Called from another thread."""
        with suppress(sqlite3.ProgrammingError):  # closed meanwhile
            self.connection.interrupt()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.connection.close()

    def _well(self) -> None:
        if self._ill:
            self._ill = False
            log.warning("'%s' works again", self.settings.label)
