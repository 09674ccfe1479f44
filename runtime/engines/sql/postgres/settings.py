"""Settings: one PostgreSQL database as its entry describes it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class PoolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a pool; times in seconds."""

    size: int
    wait: float
    """Seconds that a call waits for a free connection."""
    idle: float
    """A connection that nobody used for so long is closed; one is kept."""
    lifetime: float
    """A connection this old is replaced, and reads a changed password again."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the entry's id, `label` the address without a password; times in seconds."""

    name: str
    label: str
    parameters: Mapping[str, str]
    """The parameters of libpq, which may hold a password."""
    direct: Mapping[str, str] | None = None
    """Those of an address that reaches the server itself, if `parameters` name a pooler."""
    schema: str | None = None
    pooler: bool = False
    """True if connections are shared between transactions, so that sessions keep no settings."""
    statement_timeout: float
    transaction_timeout: float
    lock_timeout: float
    durable: bool = True
    pool: PoolSettings

    def session(self) -> dict[str, str]:
        """The settings of a session, by their names at the server."""
        session = {
            "statement_timeout": milliseconds(self.statement_timeout),
            "lock_timeout": milliseconds(self.lock_timeout),
            "TimeZone": "UTC",
            "synchronous_commit": "on" if self.durable else "off",
            **KEEPALIVES,
        }
        if self.schema is not None:
            session["search_path"] = quoted(self.schema)
        return session

    def unlimited(self) -> dict[str, str]:
        """Those of a session whose statements may take and wait any time."""
        return {**self.session(), "statement_timeout": "0", "lock_timeout": "0"}

    @property
    def lacks_sessions(self) -> bool:
        """True if there is a pooler, which lends its connections for transactions, and no way
        around it.
        """
        return self.pooler and self.direct is None

    def transaction(self) -> dict[str, str]:
        """The settings of a transaction: its time-outs, and through a pooler the session's too."""
        limit = self.transaction_timeout
        local = {
            "statement_timeout": milliseconds(limit),
            "lock_timeout": milliseconds(min(self.lock_timeout, limit)),
            "idle_in_transaction_session_timeout": milliseconds(limit),
        }
        return {**self._pooled(), **local}

    def alone(self) -> dict[str, str]:
        """The settings of a transaction that waits for nobody between its statements."""
        pooled = self._pooled()
        limit = {"idle_in_transaction_session_timeout": milliseconds(self.statement_timeout)}
        return {**pooled, **limit} if pooled else {}

    def _pooled(self) -> dict[str, str]:
        """Settings that a transaction sets itself: others have its connection too."""
        if not self.pooler:
            return {}
        session = self.session()
        for name in KEEPALIVES:  # the pooler's connection, not ours
            del session[name]
        return session


CLIENT_KEEPALIVES = {
    "keepalives": "1",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""A silent partition is noticed after 5 s; with the defaults of libpq it is not in minutes."""

KEEPALIVES = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""The same at the server, which keeps the locks of a client that is cut off for two hours else."""


def milliseconds(seconds: float) -> str:
    """A time-out as the server reads it; 0 would mean none."""
    return str(max(1, round(seconds * 1000)))


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
