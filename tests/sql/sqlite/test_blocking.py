"""The blocking twin, for plain functions in threads."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed, TransactionLost
from runtime.engines.sql.sqlite.blocking import BlockingDatabase
from tests.support.databases import ADD, names, run, tasks


def in_thread(file: Path, work: Callable[[BlockingDatabase], Any], **options: Any) -> Any:
    async def main() -> Any:
        async with tasks(file, **options) as db:
            return await asyncio.to_thread(work, db.blocking)

    return run(main())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def test_calls_return_what_the_awaited_ones_do(file: Path) -> None:
    def work(db: BlockingDatabase) -> None:
        assert db.execute(ADD, ("a",)) == (1, 1)
        assert db.query("SELECT name FROM tasks") == [{"name": "a"}]
        assert db.query_one("SELECT name FROM tasks WHERE id = ?", [9]) is None
        with pytest.raises(sqlite3.IntegrityError, match="in 'INSERT"):
            db.execute(ADD, ("a",))
        with pytest.raises(TypeError, match="parameter 1"):
            db.execute(ADD, ([],))

    in_thread(file, work)


def test_a_transaction_commits_or_rolls_back(file: Path) -> None:
    def work(db: BlockingDatabase) -> None:
        with db.transaction() as tx:
            tx.execute(ADD, ("a",))
            assert tx.query("SELECT name FROM tasks") == [{"name": "a"}]
            assert tx.query_one("SELECT name FROM tasks") == {"name": "a"}
            with pytest.raises(RuntimeError, match="in a transaction"):
                db.execute(ADD, ("b",))
        with pytest.raises(ZeroDivisionError), db.transaction() as tx:
            tx.execute(ADD, ("c",))
            1 / 0  # noqa: B018
        db.execute(ADD, ("d",))
        with pytest.raises(RuntimeError, match="ended"):
            tx.execute(ADD, ("e",))

    in_thread(file, work)

    assert names(file) == ["a", "d"]


def test_a_transaction_is_held_to_its_time(file: Path) -> None:
    def work(db: BlockingDatabase) -> None:
        with pytest.raises(TransactionLost, match="for more than"), db.transaction() as tx:
            tx.execute(ADD, ("a",))
            asyncio.run(until_lost(tx))

    async def until_lost(tx: Any) -> None:
        for _ in range(1000):
            if not tx._transaction.is_open:
                return
            await asyncio.sleep(0.005)

    in_thread(file, work, transaction_timeout=0.02)

    assert names(file) == []


def test_many_threads_write_at_once(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:

            def work(worker: int) -> None:
                for number in range(20):
                    db.blocking.execute(ADD, (f"{worker}-{number}",))

            await asyncio.gather(*(asyncio.to_thread(work, worker) for worker in range(8)))

    run(main())

    assert len(set(names(file))) == 160


def test_on_an_event_loop_it_refuses_to_block(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            with pytest.raises(RuntimeError, match="would stop the event loop"):
                db.blocking.query("SELECT 1")

    run(main())


def test_it_fails_when_the_database_does_not_run(file: Path) -> None:
    async def main() -> BlockingDatabase:
        async with tasks(file) as db:
            return db.blocking

    blocking = run(main())
    with pytest.raises(DatabaseClosed):
        blocking.query("SELECT 1")
