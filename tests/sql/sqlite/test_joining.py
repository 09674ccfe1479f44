"""Joining: how another part of the program takes part in a transaction."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import Database, JoinableTransaction, TransactionLost
from runtime.service import Unavailable
from tests.support.databases import ADD, names, run, tasks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def count(connection: sqlite3.Connection) -> int:
    """A step."""
    found: int = connection.execute("SELECT count(*) FROM tasks").fetchone()[0]
    return found


async def join(transaction: JoinableTransaction) -> int:
    """Another part, which knows the contract only."""
    answer: int = await transaction.add(count)
    return answer


def test_a_step_sees_what_the_transaction_wrote_and_is_committed_with_it(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                assert await join(tx) == 1
                await tx.add(lambda connection: connection.execute(ADD, ("b",)).rowcount)
                assert await join(tx) == 2
                assert names(file) == []

            assert names(file) == ["a", "b"]

    run(main())


def test_a_step_is_rolled_back_with_its_transaction(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.add(lambda connection: connection.execute(ADD, ("a",)).rowcount)
                    1 / 0  # noqa: B018

            assert names(file) == []

    run(main())


def _fails_after_a_write(error: Exception) -> Any:
    def step(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("undone",))
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "raised"), [(KeyError("no"), KeyError), (sqlite3.IntegrityError("no"), Unavailable)]
)
def test_a_step_that_raises_is_undone_alone(
    file: Path, error: Exception, raised: type[Exception]
) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(raised, match="no"):
                    await tx.add(_fails_after_a_write(error))
                await tx.execute(ADD, ("b",))

            assert names(file) == ["a", "b"]

    run(main())


def test_an_answer_that_is_an_exception_is_raised(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db, db.transaction() as tx:
            with pytest.raises(LookupError, match="nothing there"):
                await tx.add(lambda connection: LookupError("nothing there"))

    run(main())


def test_after_commit_calls_back_on_the_loop_once_it_is_committed(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            called = asyncio.Event()
            seen: list[object] = []

            def callback() -> None:
                seen.extend([names(file), threading.current_thread()])
                called.set()

            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                tx.after_commit(callback)
                await tx.query("SELECT 1")
                assert not called.is_set()
            await called.wait()

            assert seen == [["a"], threading.current_thread()]

    run(main())


def test_after_commit_does_not_call_back_after_a_rollback(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            called: list[str] = []
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    tx.after_commit(lambda: called.append("rolled back"))
                    1 / 0  # noqa: B018
            async with db.transaction() as tx:  # the writer comes to it after the rollback
                await tx.execute(ADD, ("b",))
                done = asyncio.Event()
                tx.after_commit(done.set)
            await done.wait()

            assert called == []

    run(main())


def test_a_transaction_names_its_database(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            contract: Database = db
            with pytest.raises(RuntimeError, match="not entered"):
                _ = db.transaction().database
            async with contract.transaction() as tx:
                assert tx.database is db
                assert tx.blocking.database is db
            await asyncio.to_thread(in_thread, db)

    def in_thread(db: Any) -> None:
        with db.blocking.transaction() as tx:
            assert tx.database is db

    run(main())


def test_an_ended_or_lost_transaction_takes_no_step(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await join(tx)
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                tx.add(count)
            with pytest.raises(TransactionLost):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    with pytest.raises(sqlite3.IntegrityError):
                        await tx.execute("INSERT OR ROLLBACK INTO tasks (name) VALUES ('a')")
                    tx.add(count)

    run(main())
