"""ManagedConnection: the connection of a thread, reopened after a disk error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from msgspec.structs import replace

from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.commits import Commits
from runtime.engines.sql.sqlite.connection import (
    Settings,
    check_identity,
    closed_on_error,
    identity,
)
from runtime.engines.sql.sqlite.errors import as_uncertain, is_disk_error, is_transient, reason
from runtime.loggers import logger
from runtime.service import StartError, Unavailable

log = logger("runtime.sqlite")

T = TypeVar("T")

OnCommit = Callable[[int], None]
"""Called with the number of statements of each commit."""

FILE_CHECK_INTERVAL = 0.01
"""Seconds between two checks of the file: one at each commit would be felt in the small ones."""
REMEMBERED = 60.0
"""Seconds for which a rejected write is told."""


class ManagedConnection:
    """A connection that waits for locks, and is reopened after a disk error.

    It is opened when it is made, which raises the errors of `open_connection`.
    """

    def __init__(
        self,
        open_connection: Callable[[Settings], sqlite3.Connection],
        settings: Settings,
        is_abandoned: Callable[[], bool],
        on_commit: OnCommit | None = None,
        commits: Commits | None = None,
    ) -> None:
        self.raw = open_connection(settings)
        self.failure: Exception | None = None
        """The error for which the connection has to be reopened."""
        self.rowid_tables: set[str | None] = set()
        """Tables whose inserted rows have rowids, as `insertion` found; statements that may change
        a table clear it."""
        with closed_on_error(self.raw):
            self.settings = replace(settings, expected_file=identity(settings))
        self._open_connection = open_connection
        self.is_abandoned = is_abandoned
        """Asked between statements; once true, nobody waits for the results."""
        self._retry_busy = BusyRetry(settings.busy_timeout, is_abandoned)
        self._on_commit = on_commit
        self._commits = commits
        self.is_counted = commits is not None
        """True if `note_begin` has an effect."""
        self._waited = 0.0
        self._rejecting = False
        self._rejected: tuple[float, Exception] | None = None
        self._next_file_check = 0.0

    def reopen_if_failed(self) -> Exception | None:
        """Reopen the connection if it failed; return the error if that fails too.

        Raises FileLost.
        """
        if self.failure is None:
            return None
        check_identity(self.settings)
        self.close()
        self.rowid_tables.clear()
        try:
            self.raw = self._open_connection(self.settings)
        except (StartError, Unavailable) as error:
            self.failure = Unavailable(str(error))
        else:
            self.failure = None
        return self.failure

    def autocommit(self, action: Callable[[], T], requested_at: float, statements: int) -> T:
        """Run an action outside of any transaction; its changes are committed at its end.

        `statements` is the number of them that may change the database.
        """
        if self.is_counted:
            action = self._timed(action, requested_at)
        try:
            result = self._retry_busy(action, requested_at)
        except sqlite3.Error as error:
            self.rollback(error)
            raise
        if self.raw.in_transaction:
            self.rollback()
            raise RuntimeError("the statement left a transaction open, which was rolled back")
        self._record_success(statements)
        return result

    def begin(self, requested_at: float, first_requested_at: float | None = None) -> None:
        """Begin a transaction that will write. Of several requests, the wait for a lock counts from
        the last one.
        """
        try:
            self._retry_busy(lambda: self.raw.execute("BEGIN IMMEDIATE"), requested_at)
        except sqlite3.Error as error:
            self.rollback(error)
            raise
        self.note_begin(requested_at if first_requested_at is None else first_requested_at)

    def note_begin(self, requested_at: float) -> None:
        """Note that the transaction has begun which the first request is to be done in."""
        if self.is_counted:
            self._waited = monotonic() - requested_at

    def commit(self, statements: int, *, retry: bool = True) -> None:
        """Commit that many statements; without `retry`, a lock is an error.

        Raises Uncertain if the disk failed. After any other error the transaction was rolled back.
        """
        try:
            if retry:
                self._retry_busy(lambda: self.raw.execute("COMMIT"))
            else:
                self.raw.execute("COMMIT")
        except sqlite3.Error as error:
            self.rollback(error)
            if is_disk_error(error):
                raise as_uncertain(error) from None
            raise
        self._record_success(statements)

    def rollback(self, error: Exception | None = None) -> None:
        """Roll back the open transaction, if there is one, and record the error that caused it."""
        if error is not None:
            self.record_error(error)
        if self.raw.in_transaction:
            self.rowid_tables.clear()
            with suppress(sqlite3.Error):  # closing the connection rolls back at the latest
                self.raw.execute("ROLLBACK")

    def record_error(self, error: Exception) -> None:
        """Record an error of the connection.

        Logs the first lock or disk error in a row; a disk error marks the connection for reopening.
        """
        if is_disk_error(error):
            self.failure = error
        if is_transient(error):
            self._rejected = monotonic(), error
            if not self._rejecting:
                self._rejecting = True
                log.error("'%s' is rejecting writes: %s", self.settings.label, error)

    @property
    def rejecting(self) -> str | None:
        """The lock or disk error of the last minute. On a full disk small writes go on for a while,
        so that a success does not end it. Read from other threads.
        """
        if self._rejected is None or monotonic() - self._rejected[0] > REMEMBERED:
            return None
        return reason(self._rejected[1])

    def check_file(self) -> None:
        """Raise FileLost if the open file is no longer the one at its path.

        Call it before the caller of a change is answered: all that is written to a deleted file
        is gone with the last program that has it open.
        """
        now = monotonic()
        if now >= self._next_file_check:
            check_identity(self.settings)
            self._next_file_check = now + FILE_CHECK_INTERVAL

    def interrupt(self) -> None:
        """Interrupt the running statement, if there is one. Called from another thread."""
        with suppress(sqlite3.ProgrammingError):  # closed meanwhile
            self.raw.interrupt()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.raw.close()

    def _record_success(self, statements: int) -> None:
        if self._rejecting:
            self._rejecting = False
            log.warning("'%s' accepts writes again", self.settings.label)
        if statements:
            if self._commits is not None:
                self._commits.add((statements, self._waited))
            if self._on_commit is not None:
                self._on_commit(statements)

    def _timed(self, action: Callable[[], T], requested_at: float) -> Callable[[], T]:
        """The action; whenever it is tried, that was the begin."""

        def timed() -> T:
            self.note_begin(requested_at)
            return action()

        return timed
