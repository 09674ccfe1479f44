"""SqliteTasks: single messages in a database of SQLite."""

from __future__ import annotations

from collections.abc import Callable

from runtime.engines.queue.sql.columns import micros
from runtime.engines.queue.sql.tasks import Tasks
from runtime.engines.sql.contract import Database, Transaction


class SqliteTasks(Tasks):
    """Times are those of the program that asks."""

    length = "SELECT length FROM $tables.runtime_queue WHERE name = :queue"

    def __init__(self, database: Database, time: Callable[[], float]) -> None:
        """`time` gives seconds since 1970."""
        super().__init__(database)
        self._time = time

    async def tables(self) -> str:
        return "main"

    now = ":now"

    def times(self) -> dict[str, int]:
        return {"now": micros(self._time())}

    async def shorten(self, transaction: Transaction, queue: str, count: int) -> None:
        statement = "UPDATE runtime_queue SET length = length - ? WHERE name = ?"
        await transaction.execute(statement, (count, queue))
