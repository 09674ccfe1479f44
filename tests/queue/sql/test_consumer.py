"""A consumer on a durable queue: with `transaction`, its writes and its ack are one step."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.sql.sqlite.database import Database
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.modules import queue, sql
from runtime.modules.sync import queue as sync_queue
from runtime.modules.sync import sql as sync_sql
from tests.support import databases
from tests.support.consuming import AT_ONCE, consuming, run, scope_of
from tests.support.implementations import sql_driver

ADD = databases.ADD


class Bench:
    """A database, and in it a queue and one for its dead letters."""

    def __init__(self, database: Database, driver: SqlDriver, file: Path) -> None:
        self.file = file
        self.dead = Queue(
            "app:dead",
            driver.declare("dead", {"sql": {"max_length": 100}}),
            AT_ONCE,
            max_attempts=10,
        )
        line = driver.declare("q", {"sql": {"max_length": 100}})
        self.queue = Queue("app:q", line, AT_ONCE, max_attempts=3, dead_letter=self.dead)
        self.scope: ApplicationContext = scope_of(self.queue, self.dead)
        self.scope.fields[EntryId("app", "db")] = {}
        self.scope.components[EntryId("app", "db")] = database
        self.database = database

    async def consume(self, handler: Callable[..., Any], *bodies: Any, **options: Any) -> None:
        """Have the handler settle these, with a transaction for each."""
        for body in bodies:
            await self.queue.publish(body)
        options.setdefault("transactions", self.database.transaction)
        async with consuming(self.queue, handler, scope=self.scope, **options):
            async with asyncio.timeout(databases.LIMIT):
                while self.rows("SELECT 1 FROM runtime_message WHERE queue = 'q'"):  # noqa: ASYNC110
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
async def bench(folder: Path, **options: Any) -> AsyncIterator[Bench]:
    file = folder / "tasks.db"
    async with databases.tasks(file, **options) as database:
        driver = sql_driver(database)
        made = Bench(database, driver, file)
        async with databases.serving(driver):
            yield made


def test_what_a_handler_writes_is_committed_with_its_ack(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        await sql.transaction().execute(ADD, [body])
        assert await sql.get("db").query("SELECT * FROM tasks WHERE name = ?", [body]) == []

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a", "b")

            assert it.names() == ["a", "b"]

    run(main)


@pytest.mark.parametrize("end", ["raise", "False", "nack", "reject"])
def test_what_fails_has_written_nothing(end: str, tmp_path: Path) -> None:
    async def handler(body: str) -> object:
        message = queue.message()
        await sql.transaction().execute(ADD, [f"{body} {message.attempt}"])
        if message.attempt == 2:
            return None
        match end:
            case "raise":
                raise ValueError("no")
            case "nack":
                await message.nack(0)
            case "reject":
                raise queue.Reject("never")
        return False

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ([] if end == "reject" else ["a 2"])
            assert await it.attempts_of_the_dead() == (["1"] if end == "reject" else [])

    run(main)


def test_an_explicit_ack_is_done_at_the_end_and_wins(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        message = queue.message()
        await message.ack()
        await sql.transaction().execute(ADD, [body])
        with pytest.raises(RuntimeError, match="settled already"):
            await message.nack()
        raise ValueError("too late")

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a"]
            assert await it.attempts_of_the_dead() == []

    run(main)


def test_a_def_handler_writes_in_the_transaction_too(tmp_path: Path) -> None:
    def handler(body: str) -> None:
        message = sync_queue.message()
        sync_sql.transaction().execute(ADD, [f"{body} {message.attempt}"])
        sync_queue.publish("dead", body, transaction=sync_sql.transaction())
        if message.attempt == 1:
            raise ValueError("no")

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a 2"]
            assert (await it.dead.info()).ready == 1

    run(main)


def test_a_message_is_published_in_the_transaction_or_refused(tmp_path: Path) -> None:
    refused = []

    async def handler(body: str) -> None:
        transaction = sql.transaction()
        try:
            await queue.publish("dead", "would wait for the transaction")
        except RuntimeError as error:
            refused.append(str(error))
        await queue.publish("dead", body, transaction=transaction)
        if queue.message().attempt == 1:
            raise ValueError("no")

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.rows("SELECT body FROM runtime_message WHERE queue = 'dead'") == [(b'"a"',)]
            assert len(refused) == 2
            assert "which would wait for itself; use that transaction" in refused[0]

    run(main)


def test_a_plain_write_beside_the_transaction_raises(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        with pytest.raises(RuntimeError, match=r"the consumer's `sql\.transaction\(\)`"):
            await sql.get("db").execute(ADD, [body])
        await sql.transaction().execute(ADD, ["in it"])

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["in it"]

    run(main)


def test_a_handler_that_is_too_slow_is_rolled_back_and_tried_again(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        await sql.transaction().execute(ADD, [f"{body} {queue.message().attempt}"])
        if queue.message().attempt == 1:
            await asyncio.Event().wait()

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a", timeout=0.05)

            assert it.names() == ["a 2"]

    run(main)


def test_a_thread_that_outlives_its_timeout_writes_nothing(tmp_path: Path) -> None:
    late = threading.Event()
    said = []

    def handler(body: str) -> None:
        transaction = sync_sql.transaction()
        transaction.execute(ADD, [f"{body} {sync_queue.message().attempt}"])
        if sync_queue.message().attempt == 1:
            late.wait(databases.LIMIT)
            try:
                transaction.execute(ADD, ["too late"])
            except Exception as error:
                said.append(str(error))
                raise

    async def main() -> None:
        # The writer is free at the handler's timeout, not when the transaction's own is over.
        async with bench(tmp_path, transaction_timeout=3600) as it:

            async def release() -> None:
                waiting = "SELECT 1 FROM runtime_message WHERE state < 2 AND attempt = 1"
                async with asyncio.timeout(databases.LIMIT):
                    while not it.rows(waiting):  # noqa: ASYNC110
                        await asyncio.sleep(0)
                late.set()

            releasing = asyncio.create_task(release())
            await it.consume(handler, "a", timeout=0.05)
            await releasing

            assert it.names() == ["a 2"]
            assert said == ["the transaction has ended; open another one"]

    run(main)


def test_a_transaction_held_too_long_is_a_failed_attempt(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        transaction = sql.transaction()
        await transaction.execute(ADD, [f"{body} {queue.message().attempt}"])
        while queue.message().attempt == 1:
            await transaction.query("SELECT 1")

    async def main() -> None:
        async with bench(tmp_path, transaction_timeout=0.1) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a 2"]

    run(main)


def test_who_lost_the_message_writes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with bench(tmp_path) as it:

            async def handler(body: str) -> None:
                if queue.message().attempt == 1:  # somebody else claims it meanwhile, and fails
                    with closing(sqlite3.connect(it.file)) as other:
                        other.execute("UPDATE runtime_message SET token = token + 1, state = 0")
                        other.commit()
                await sql.transaction().execute(ADD, [f"{body} {queue.message().attempt}"])

            await it.consume(handler, "a")

            assert it.names() == ["a 2"]
            assert "no longer held when attempt 1 ended" in caplog.text

    run(main)


def test_what_has_a_single_attempt_is_not_claimed_before_it_can_begin(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as it:
            it.queue.max_attempts = 1
            running = []

            async def handler(body: str) -> None:
                running.append(it.rows("SELECT count(*) FROM runtime_message WHERE state = 2"))

            await it.consume(handler, *"abcdef", concurrency=1, transactions=None)

            assert running == [[(1,)]] * 6

    run(main)


def test_without_the_field_there_is_no_transaction(tmp_path: Path) -> None:
    said = []

    async def handler(body: str) -> None:
        try:
            sql.transaction()
        except RuntimeError as error:
            said.append(str(error))

    async def main() -> None:
        async with bench(tmp_path) as it:
            await it.consume(handler, "a", transactions=None)

    run(main)
    assert "give its queue.consumer the field 'transaction'" in said[0]
