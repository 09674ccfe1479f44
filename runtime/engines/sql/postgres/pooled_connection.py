"""PooledConnection: a connection of a pool, and the times by which it ends."""

from __future__ import annotations

import psycopg

from runtime.engines.sql.postgres.connection import Connection, watch
from runtime.engines.sql.postgres.errors import is_unreplicated, unreplicated

NEVER = float("inf")


class PooledConnection:
    """A connection, and the times by which it ends."""

    __slots__ = ("_unreplicated", "deadline", "expires", "idle_since", "is_late", "raw", "watch")

    def __init__(self, raw: Connection, expires: float) -> None:
        self.raw = raw
        self.watch = watch(raw)
        self.expires = expires
        self.idle_since = NEVER
        self.deadline = NEVER
        """When whatever runs on it counts as hung."""
        self.is_late = False
        """True once what runs on it was cancelled for that."""
        self._unreplicated = False
        raw.add_notice_handler(self._hear)

    def check_replicated(self, text: str) -> None:
        """Raise Uncertain if the server gave up to wait for its standby in the last commit."""
        if self._unreplicated:
            self._unreplicated = False
            raise unreplicated(text)

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        if is_unreplicated(notice):
            self._unreplicated = True
