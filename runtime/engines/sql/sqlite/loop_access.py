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

from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.managed_connection import ManagedConnection

INSTRUCTIONS = 1000
"""Instructions of SQLite's machine between two looks at the deadline: some 20 microseconds."""
SLICE = 0.0004
"""Seconds of a turn after which the next statement waits for the next turn."""
PATIENCE = 0.0005
"""Seconds after which a statement is interrupted."""
LARGE_JOURNAL = 4 * 2**20
"""Bytes. A journal that grows beyond them is one that no checkpoint could empty."""

_NORMAL = 1
"""The value of `synchronous` up to which a commit does not wait for the disk."""


class LoopAccess:
    """The thread and the loop both take `lock` around their work with the connection."""

    def __init__(self, settings: Settings) -> None:
        self.connection: ManagedConnection
        """The writer's; set before access is granted."""
        self.lock = Lock()
        self.granted = False
        """True while the loop may write. Granted by the thread, and withdrawn by whoever queues
        something for it."""
        self.deadline = inf
        """When a statement of the loop is interrupted, in seconds of `perf_counter`."""
        self._file = None if settings.in_memory else settings.file
        self._never_waits = False
        self._reviewed: sqlite3.Connection | None = None
        self._seen: tuple[int, int] = (0, 0)
        self._on_loop: sqlite3.Connection | None = None
        """The connection, while it is set up for the loop."""
        self._autocheckpoint = 0

    def review(self, connection: ManagedConnection) -> None:
        """Look anew if a commit can wait for the disk: a statement may have changed that."""
        self.connection, self._reviewed = connection, connection.raw
        self._never_waits = self._file is not None and _never_waits(connection.raw)

    def grant(self, connection: ManagedConnection, queued: SimpleQueue[Any]) -> None:
        """Let the loop write, if it may. Called by the thread, which is about to wait for work."""
        if self._reviewed is not connection.raw:  # it was reopened
            self.review(connection)
        if self._never_waits and connection.failure is None and self._journal_is_settled():
            self.granted = True
            if not queued.empty():
                self.granted = False

    def enter(self) -> None:
        """Set the connection up for the loop. Raises `sqlite3.Error`."""
        raw = self.connection.raw
        if self._on_loop is not raw:
            self._autocheckpoint = raw.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
            raw.execute("PRAGMA wal_autocheckpoint = 0").fetchone()
            raw.set_progress_handler(self._is_late, INSTRUCTIONS)
            self._on_loop = raw

    def leave(self, connection: ManagedConnection) -> None:
        """Set the connection up for the thread."""
        raw = connection.raw
        if self._on_loop is raw:
            raw.set_progress_handler(None, 0)
            with suppress(sqlite3.Error):  # the thread then tries again before its next work
                raw.execute(f"PRAGMA wal_autocheckpoint = {self._autocheckpoint}").fetchone()
                self._on_loop = None

    def _is_late(self) -> bool:
        return perf_counter() > self.deadline

    def _journal_is_settled(self) -> bool:
        """True if the next commit begins no journal anew, and needs no checkpoint.

        Only a checkpoint writes to the file itself.
        """
        assert self._file is not None
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
