"""LoopAccess: when the event loop may write on the connection of the writer's thread.

It may while the thread has nothing to do, and while a commit cannot wait for the disk. In WAL mode
with `synchronous` NORMAL a commit syncs only where the journal is begun anew, which is the first
one after a checkpoint. Both of these are left to the thread.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from threading import Lock
from time import perf_counter
from typing import Any

from runtime.engines.sql.sqlite.effort import Effort
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection

INSTRUCTIONS = 1000
"""Instructions of SQLite's machine between two looks at the deadline: some 20 microseconds."""
SLICE = 0.0004
"""Seconds of a turn after which the next statement waits for the next turn."""
PATIENCE = 0.0005
"""Seconds after which a statement is interrupted."""
LATE = 0.001
"""Seconds from which on what the loop did was a stall."""
REST = 0.05
"""Seconds for which the threads then do everything, so that stalls come at most that often."""
LARGE_JOURNAL = 4 * 2**20
"""Bytes. A journal that grows beyond them is one that no checkpoint could empty."""

_NORMAL = 1
"""The value of `synchronous` up to which a commit does not wait for the disk."""


class LoopAccess:
    """Which of the two may use the connection. The thread uses it `with` this object around its
    work, the loop between `enter` and `leave`."""

    def __init__(self, file: str) -> None:
        self.granted = False
        """True while the loop may write. Granted by the thread when it has nothing to do, and
        withdrawn by whoever queues something for it."""
        self.deadline = inf
        """When a statement of the loop is interrupted, in seconds of `perf_counter`."""
        self.effort = Effort()
        """Of the loop's group."""
        self.is_open = False
        """True from the beginning of the writer until its queue is sealed."""
        self.connection: ManagedConnection
        """The writer's."""
        self._queued: SimpleQueue[Any]
        self._file = file
        self._lock = Lock()
        self._never_waits = False
        self._rests_until = 0.0
        self._reviewed: sqlite3.Connection | None = None
        self._seen: tuple[int, int] = (0, 0)
        self._prepared: sqlite3.Connection | None = None
        """The connection, while it is set up for the loop."""
        self._autocheckpoint = 0

    def open(self, connection: ManagedConnection, queued: SimpleQueue[Any]) -> None:
        """Begin, with the writer's connection and what is queued for its thread."""
        self.connection, self._queued = connection, queued
        self.is_open = True
        with self._lock:
            self._grant()

    def review(self) -> None:
        """Look anew if a commit can wait for the disk: a statement may have changed that."""
        self._reviewed = self.connection.raw
        self._never_waits = _never_waits(self._reviewed)

    def __enter__(self) -> None:
        self._lock.acquire()
        raw = self.connection.raw
        if self._prepared is raw:
            with suppress(sqlite3.Error):  # it is closed; or it is tried again before the next work
                raw.set_progress_handler(None, 0)
                raw.execute(f"PRAGMA wal_autocheckpoint = {self._autocheckpoint}").fetchone()
                self._prepared = None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self._grant()
        self._lock.release()

    def enter(self) -> bool:
        """Take the connection for the loop, if nobody uses it."""
        return self.granted and self._lock.acquire(blocking=False)

    def prepare(self) -> None:
        """Set the connection up for the loop. Raises `sqlite3.Error`."""
        raw = self.connection.raw
        if self._prepared is not raw:
            self._autocheckpoint = raw.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
            raw.execute("PRAGMA wal_autocheckpoint = 0").fetchone()
            raw.set_progress_handler(self._is_late, INSTRUCTIONS)
            self._prepared = raw

    def leave(self) -> None:
        self.deadline = inf
        self._lock.release()

    def rest(self) -> None:
        """Leave all to the thread for a while: the loop has stood still."""
        self.granted = False
        self._rests_until = perf_counter() + REST

    def _grant(self) -> None:
        """Let the loop write, if it may."""
        if self.connection.failure is not None or perf_counter() < self._rests_until:
            return
        if self._reviewed is not self.connection.raw:  # it was reopened
            self.review()
        if self._never_waits and self._journal_is_settled():
            self.granted = True
            if not self._queued.empty():
                self.granted = False

    def _is_late(self) -> bool:
        return perf_counter() > self.deadline and self.effort.seconds() > SLICE + PATIENCE

    def _journal_is_settled(self) -> bool:
        """True if the next commit begins no journal anew, and needs no checkpoint.

        Only a checkpoint writes to the file itself.
        """
        try:
            modified = os.stat(self._file).st_mtime_ns
            size = os.stat(f"{self._file}-wal").st_size
        except OSError:
            return False
        before, self._seen = self._seen, (modified, size)
        return modified == before[0] and (size <= before[1] or size <= LARGE_JOURNAL)


def _never_waits(raw: sqlite3.Connection) -> bool:
    try:
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = raw.execute("PRAGMA synchronous").fetchone()
        schemas = {row[1] for row in raw.execute("PRAGMA database_list")}
    except sqlite3.Error:
        return False
    return mode == "wal" and synchronous <= _NORMAL and schemas <= {"main", "temp"}
