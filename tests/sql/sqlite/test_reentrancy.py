"""Reentrancy: a task that is in a transaction must not wait for itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite.database import Database
from tests.support.databases import ADD, names, run, tasks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def test_plain_statements_of_the_same_task_raise_at_once(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                for call in (
                    db.execute(ADD, ("b",)),
                    db.query("DELETE FROM tasks RETURNING id"),
                    db.transaction().__aenter__(),
                    asyncio.create_task(db.execute(ADD, ("b",))),
                ):
                    with pytest.raises(RuntimeError, match="in a transaction of this task"):
                        await call
            await db.execute(ADD, ("c",))

            assert names(file) == ["a", "c"]

    run(main())


def test_in_memory_even_a_plain_read_inside_a_transaction_raises_at_once() -> None:
    async def main() -> None:
        async with tasks(":memory:") as db, db.transaction() as tx:
            await tx.execute(ADD, ("a",))
            with pytest.raises(RuntimeError, match="in a transaction of this task"):
                await db.query("SELECT * FROM tasks")

            assert await tx.query("SELECT name FROM tasks") == [{"name": "a"}]

    run(main())


def test_a_task_that_outlives_the_transaction_it_began_in_is_free(file: Path) -> None:
    async def main() -> None:
        async with tasks(file) as db:
            go = asyncio.Event()

            async def later() -> None:
                await go.wait()
                await db.execute(ADD, ("later",))

            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                task = asyncio.create_task(later())
            go.set()
            await task

            assert names(file) == ["a", "later"]

    run(main())


def test_two_databases_can_be_in_transactions_of_one_task(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "one.db") as one, tasks(tmp_path / "two.db") as two:
            async with one.transaction() as first:
                await first.execute(ADD, ("a",))
                await two.execute(ADD, ("b",))
                async with two.transaction() as second:
                    await second.execute(ADD, ("c",))
                with pytest.raises(RuntimeError, match="in a transaction"):
                    await one.execute(ADD, ("d",))

            assert names(tmp_path / "one.db") == ["a"]
            assert names(tmp_path / "two.db") == ["b", "c"]

    run(main())


@pytest.mark.parametrize("statement", [None, "INSERT INTO tasks (name) VALUES ('lost')"])
def test_a_transaction_that_was_never_left_does_not_stay_with_its_task(
    file: Path, statement: str | None
) -> None:
    async def forgets(db: Database) -> None:
        transaction = await db.transaction().__aenter__()
        if statement:
            await transaction.execute(statement)

    async def main() -> None:
        async with tasks(file, transaction_timeout=0.1) as db:
            await forgets(db)
            while not names(file):  # until the writer has let go of it
                with suppress(RuntimeError):
                    await db.execute(ADD, ("a",))

            assert names(file) == ["a"]

    run(main())
