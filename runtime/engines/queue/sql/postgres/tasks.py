"""PostgresTasks: single messages in a schema of PostgreSQL."""

from __future__ import annotations

from runtime.engines.queue.sql.tasks import Tasks
from runtime.engines.sql.contract import Database
from runtime.engines.sql.postgres.settings import quoted


class PostgresTasks(Tasks):
    """By the database's own pool; times are those of the server."""

    now = "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))"
    length = "SELECT sum(change) FROM $tables.runtime_length WHERE queue = :queue"
    lengthen = "INSERT INTO $tables.runtime_length (queue, change) VALUES (:queue, :change)"

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._tables = ""

    async def tables(self) -> str:
        if not self._tables:
            (row,) = await self._database.query("SELECT CAST(current_schema() AS text) AS name")
            self._tables = quoted(row["name"])
        return self._tables
