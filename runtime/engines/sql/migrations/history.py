"""History: the table in which a database keeps which migrations it has had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from runtime.engines.sql.contract import Database, Parameters, Row
from runtime.engines.sql.migrations.migration import Migration


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One migration that was applied; `seconds` is None for one that was taken for applied."""

    version: int
    name: str
    checksum: str
    applied_at: datetime
    seconds: float | None


class Queries(Protocol):
    """A database, or a transaction of it."""

    async def query(self, text: str, parameters: Parameters = ()) -> list[Row]: ...

    async def execute(self, text: str, parameters: Parameters = ()) -> Any: ...


_EXISTS = {
    "SQLite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(:name)",
    "PostgreSQL": "SELECT 1 WHERE to_regclass(:name) IS NOT NULL",
}
_OTHERS = {
    "SQLite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite@_%' "
    "ESCAPE '@' AND name NOT LIKE 'runtime@_%' ESCAPE '@' LIMIT 1",
    "PostgreSQL": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() "
    "AND tablename NOT LIKE 'runtime@_%' ESCAPE '@' LIMIT 1",
}
_TIME = {"SQLite": "TEXT", "PostgreSQL": "timestamptz"}


class History:
    """The table of one entry. Its name is a plain identifier, without quotes."""

    def __init__(self, database: Database, table: str, now: Callable[[], float]) -> None:
        """`now` is seconds since 1970."""
        self._database = database
        self._table = table
        self._now = now
        self._dialect = database.dialect.name

    async def exists(self) -> bool:
        return bool(await self._database.query(_EXISTS[self._dialect], {"name": self._table}))

    async def records(self) -> list[Record]:
        """All that was applied, by version; nothing if there is no table yet."""
        if not await self.exists():
            return []
        columns = "version, name, checksum, applied_at, seconds"
        text = f"SELECT {columns} FROM {self._table} ORDER BY version"
        return [_record(row) for row in await self._database.query(text)]

    async def make(self) -> None:
        """Make the table if it is missing. The caller holds the lock of the migrations."""
        await self._database.executescript(
            f"CREATE TABLE IF NOT EXISTS {self._table} (version bigint PRIMARY KEY, "
            f"name text NOT NULL, checksum text NOT NULL, "
            f"applied_at {_TIME[self._dialect]} NOT NULL, seconds real)"
        )

    async def has_other_tables(self) -> bool:
        """True if somebody had made tables, other than those of the runtime."""
        return bool(await self._database.query(_OTHERS[self._dialect]))

    async def insert(self, into: Queries, migration: Migration, seconds: float | None) -> None:
        """Record a migration. Of two programs that try, one fails."""
        values = "(:version, :name, :checksum, :at, :seconds)"
        await into.execute(
            f"INSERT INTO {self._table} (version, name, checksum, applied_at, seconds) "
            f"VALUES {values}",
            {
                "version": migration.version,
                "name": migration.name,
                "checksum": migration.checksum,
                "at": datetime.fromtimestamp(self._now(), UTC),
                "seconds": seconds,
            },
        )

    async def finish(self, inside: Queries, migration: Migration, seconds: float) -> None:
        """Record the time that a migration took."""
        await inside.execute(
            f"UPDATE {self._table} SET seconds = ? WHERE version = ?",
            (seconds, migration.version),
        )

    async def accept(self, migration: Migration) -> None:
        """Record the file of an applied migration as it is now."""
        await self._database.execute(
            f"UPDATE {self._table} SET checksum = ?, name = ? WHERE version = ?",
            (migration.checksum, migration.name, migration.version),
        )


def _record(row: Mapping[str, Any]) -> Record:
    at = row["applied_at"]
    return Record(
        version=row["version"],
        name=row["name"],
        checksum=row["checksum"],
        applied_at=at if isinstance(at, datetime) else datetime.fromisoformat(at),
        seconds=row["seconds"],
    )
