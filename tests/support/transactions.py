"""A consumer on a durable queue in one database, each message in a transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.sqlite.database import Database
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from tests.support import databases
from tests.support.consuming import AT_ONCE, consuming, scope_of
from tests.support.implementations import sql_driver

ADD = databases.ADD


class Consuming:
    """A database, and in it a queue and one for its dead letters."""

    def __init__(self, database: Database, driver: SqlDriver, file: Path) -> None:
        self.file = file
        self.dead = Queue(
            "app:dead",
            driver.declare("dead", {"sql": {"max_length": 100}}),
            AT_ONCE,
            max_attempts=10,
            max_requeues=10,
        )
        declared = driver.declare("q", {"sql": {"max_length": 100}})
        self.queue = Queue(
            "app:q", declared, AT_ONCE, max_attempts=3, max_requeues=10, dead_letter=self.dead
        )
        self.scope: ApplicationContext = scope_of(self.queue, self.dead)
        self.scope.fields[EntryId("app", "db")] = {}
        self.scope.components[EntryId("app", "db")] = database
        self.database = database

    async def consume(self, handler: Callable[..., Any], *bodies: Any, **options: Any) -> None:
        """Publish these, and run a consumer with a transaction for each until they are settled."""
        for body in bodies:
            await self.queue.publish(body)
        options.setdefault("transactions", self.database.transaction)
        async with consuming(self.queue, handler, scope=self.scope, **options):
            async with asyncio.timeout(databases.LIMIT):
                while self.rows("SELECT 1 FROM runtime_message WHERE queue = 'q'"):  # noqa: ASYNC110
                    await asyncio.sleep(0)

    async def until(self, query: str) -> None:
        """Wait until a query has a row."""
        async with asyncio.timeout(databases.LIMIT):
            while not self.rows(query):  # noqa: ASYNC110
                await asyncio.sleep(0)

    def names(self) -> list[str]:
        return databases.names(self.file)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchall()

    async def attempts_of_the_dead(self) -> list[str]:
        rows = self.rows("SELECT headers ->> 'attempts' FROM runtime_message WHERE queue = 'dead'")
        return [attempts for (attempts,) in rows]


@asynccontextmanager
async def consuming_in_transactions(folder: Path, **options: Any) -> AsyncIterator[Consuming]:
    file = folder / "tasks.db"
    async with databases.tasks(file, **options) as database:
        driver = sql_driver(database)
        made = Consuming(database, driver, file)
        async with databases.serving(driver):
            yield made
