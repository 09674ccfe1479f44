"""SqliteTasks: single messages in a database of SQLite."""

from __future__ import annotations

from collections.abc import Callable

from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.tasks import Tasks
from runtime.engines.sql.contract import Database


class SqliteTasks(Tasks):
    """Times are those of the program that asks."""

    now = ":now"
    length = "SELECT length FROM $tables.runtime_queue WHERE name = :queue"
    lengthen = "UPDATE $tables.runtime_queue SET length = length + :change WHERE name = :queue"

    def __init__(self, database: Database, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        super().__init__(database)
        self._time = time

    async def tables(self) -> str:
        return "main"

    def times(self) -> dict[str, int]:
        return {"now": micros(self._time())}
