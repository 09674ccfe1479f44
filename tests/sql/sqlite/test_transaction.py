"""Transactions: committed together or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from runtime.engines.sql.contract import TransactionLost
from runtime.engines.sql.sqlite.database import Database
from runtime.service import Unavailable
from tests.support.databases import ADD, clean_context, database, names, run, serving, tasks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def test_a_transaction_commits_at_its_end_and_is_not_seen_before(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                result = await tx.execute(ADD, ("a",))
                rows = await tx.query("INSERT INTO tasks (name) VALUES ('b') RETURNING name")
                inside = await tx.query_one("SELECT count(*) AS n FROM tasks")
                outside = await db.query("SELECT * FROM tasks")

            assert (result.rows_affected, result.last_insert_id) == (1, 1)
            assert (rows, inside, outside) == ([{"name": "b"}], {"n": 2}, [])
            assert names(file) == ["a", "b"]

    run(main())


def test_an_exception_rolls_back_and_goes_on_its_way(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    1 / 0  # noqa: B018
            await db.execute(ADD, ("b",))

            assert names(file) == ["b"]

    run(main())


def test_a_cancelled_task_rolls_back(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            inside = asyncio.Event()

            async def work() -> None:
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await inside.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await db.execute(ADD, ("b",))

            assert names(file) == ["b"]

    run(main())


def test_a_task_cancelled_while_it_waits_for_the_writer_ends_at_once(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db, db.transaction() as tx:
            await tx.execute(ADD, ("a",))

            async def work() -> None:
                async with db.transaction() as other:
                    await other.execute(ADD, ("b",))

            task = asyncio.get_running_loop().create_task(work(), context=clean_context())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert names(file) == ["a"]

    run(main())


def test_a_transaction_takes_the_writer_at_its_first_statement_not_before(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction():
                await asyncio.get_running_loop().create_task(
                    db.execute(ADD, ("a",)), context=clean_context()
                )
            async with db.transaction() as tx:
                await tx.execute(ADD, ("b",))
                waiting = asyncio.get_running_loop().create_task(
                    db.execute(ADD, ("c",)), context=clean_context()
                )
                await tx.execute(ADD, ("d",))
                assert not waiting.done()
            await waiting

            assert names(file) == ["a", "b", "d", "c"]

    run(main())


def test_a_failing_statement_leaves_the_transaction_usable(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(sqlite3.IntegrityError, match="in 'INSERT"):
                    await tx.execute(ADD, ("a",))
                with pytest.raises(TypeError, match="parameter 1"):
                    await tx.execute(ADD, ([],))
                await tx.execute(ADD, ("b",))

            assert names(file) == ["a", "b"]

    run(main())


def test_a_transaction_that_sqlite_rolled_back_says_so_at_the_next_use_and_at_commit(
    file: Path,
) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            await db.execute(ADD, ("a",))
            with pytest.raises(TransactionLost, match="SQLite rolled the transaction back"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("b",))
                    with pytest.raises(sqlite3.IntegrityError):
                        await tx.execute("INSERT OR ROLLBACK INTO tasks (name) VALUES ('a')")
                    with pytest.raises(TransactionLost, match="SQLite rolled"):
                        await tx.execute(ADD, ("c",))
            await db.execute(ADD, ("d",))

            assert names(file) == ["a", "d"]

    run(main())


def test_a_commit_that_fails_rolls_back(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            await db.execute(
                "CREATE TABLE notes (task INTEGER REFERENCES tasks DEFERRABLE INITIALLY DEFERRED)"
            )
            with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    await tx.execute("INSERT INTO notes VALUES (99)")
            await db.execute(ADD, ("b",))

            assert names(file) == ["b"]

    run(main())


def test_savepoints_work_inside_and_control_statements_do_not(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                await tx.execute("SAVEPOINT here")
                await tx.execute(ADD, ("b",))
                await tx.execute("ROLLBACK TO here")
                await tx.execute("RELEASE here")
                for text in ("COMMIT", "ROLLBACK", "BEGIN", "END"):
                    with pytest.raises(ValueError, match="leave the block to commit"):
                        await tx.execute(text)

            assert names(file) == ["a"]

    run(main())


def test_a_transaction_is_used_once_and_within_its_block(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            transaction = db.transaction()
            with pytest.raises(RuntimeError, match="not entered; write `async with`"):
                await transaction.execute(ADD, ("a",))
            async with transaction as tx:
                await tx.execute(ADD, ("b",))
                with pytest.raises(RuntimeError, match="is entered already; use it without"):
                    await transaction.__aenter__()
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                await tx.execute(ADD, ("c",))
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                async with transaction:
                    pass

            assert names(file) == ["b"]

    run(main())


def test_a_stop_lets_an_open_transaction_come_to_its_end(file: Path) -> None:
    async def main() -> None:
        inside, go = asyncio.Event(), asyncio.Event()

        async def work(db: Database) -> None:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                inside.set()
                await go.wait()
                await tx.execute(ADD, ("b",))

        async with tasks(file) as db:
            task = asyncio.create_task(work(db))
            await inside.wait()
            asyncio.get_running_loop().call_soon(go.set)
        await task

        assert names(file) == ["a", "b"]

    run(main())


def test_a_transaction_that_cannot_begin_says_why(file: Path) -> None:
    async def main() -> None:
        async with serving(database(file, busy_timeout=0.02)) as db:
            await db.execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY, name TEXT)")
            other = sqlite3.connect(file, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            said = (
                r"could not begin: the database was locked by another program for more than 0\.02"
            )
            with pytest.raises(Unavailable, match=said):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
            other.close()
            async with db.transaction() as tx:
                await tx.execute(ADD, ("b",))

            assert names(file) == ["b"]

    run(main())
