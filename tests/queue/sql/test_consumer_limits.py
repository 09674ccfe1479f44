"""A consumer's transactions that end early: by a time limit, or for a reassigned message."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from runtime.modules import queue, sql
from runtime.modules.sync import queue as sync_queue
from runtime.modules.sync import sql as sync_sql
from tests.support import databases
from tests.support.consuming import run
from tests.support.transactions import consuming_in_transactions

ADD = databases.ADD


def test_a_handler_that_is_too_slow_is_rolled_back_and_tried_again(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        await sql.transaction().execute(ADD, [f"{body} {queue.message().attempt}"])
        if queue.message().attempt == 1:
            await asyncio.Event().wait()

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a", timeout=0.5)  # the second attempt has it too

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
        async with consuming_in_transactions(tmp_path, transaction_timeout=3600) as it:

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
        async with consuming_in_transactions(tmp_path, transaction_timeout=0.1) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a 2"]

    run(main)


def test_who_lost_the_message_writes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:

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
        async with consuming_in_transactions(tmp_path) as it:
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
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a", transactions=None)

    run(main)
    assert "give its queue.consumer the field 'transaction'" in said[0]
