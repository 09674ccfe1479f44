"""PooledConnection: a connection of a pool, and the times by which it ends."""

from __future__ import annotations

from runtime.engines.sql.postgres.connection import Connection, watch

NEVER = float("inf")


class PooledConnection:
    """A connection, and the times by which it ends."""

    __slots__ = ("deadline", "expires", "idle_since", "raw", "watch")

    def __init__(self, raw: Connection, expires: float) -> None:
        self.raw = raw
        self.watch = watch(raw)
        self.expires = expires
        self.idle_since = NEVER
        self.deadline = NEVER
        """When whatever runs on it counts as hung."""
