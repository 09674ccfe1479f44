"""Calls of a running database: queries, results and errors."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import ADD, SLOW, names, run, tasks


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return tmp_path / "tasks.db" if request.param == "file" else ":memory:"


def test_rows_are_dicts_that_keep_null(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            await db.execute(ADD, ("a",))
            await db.execute(
                "INSERT INTO tasks (name, status) VALUES (:n, :s)", {"n": "b", "s": "x"}
            )

            assert await db.query("SELECT * FROM tasks ORDER BY id") == [
                {"id": 1, "name": "a", "status": None},
                {"id": 2, "name": "b", "status": "x"},
            ]
            assert await db.query_one("SELECT name FROM tasks WHERE id = ?", [2]) == {"name": "b"}
            assert await db.query_one("SELECT name FROM tasks WHERE id = 9") is None
            assert await db.query("SELECT name FROM tasks WHERE id = 9") == []

    run(main())


@pytest.mark.parametrize("call", ["query", "query_one"])
@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO tasks (name) VALUES ('a'), ('b') RETURNING name",
        "WITH n AS (VALUES ('a'), ('b')) INSERT INTO tasks (name) SELECT * FROM n RETURNING name",
    ],
)
def test_a_query_that_writes_goes_to_the_writer(place: Path | str, call: str, text: str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            rows = await getattr(db, call)(text)
            kept = await db.query("SELECT name FROM tasks")

            assert rows == ([{"name": "a"}, {"name": "b"}] if call == "query" else {"name": "a"})
            assert kept == [{"name": "a"}, {"name": "b"}]
            assert await db.query("DELETE FROM tasks") == []

    run(main())


def test_a_write_is_seen_by_the_next_read(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            for number in range(50):
                await db.execute(ADD, (str(number),))
                row = await db.query_one("SELECT count(*) AS n FROM tasks")

                assert row == {"n": number + 1}

    run(main())


def test_many_tasks_write_and_read_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:

            async def work(worker: int) -> None:
                for number in range(20):
                    result = await db.execute(ADD, (f"{worker}-{number}",))
                    row = await db.query_one(
                        "SELECT name FROM tasks WHERE id = ?", (result.last_insert_id,)
                    )
                    assert row == {"name": f"{worker}-{number}"}

            async with asyncio.TaskGroup() as group:
                for worker in range(50):
                    group.create_task(work(worker))

            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 1000}

    run(main())


def test_a_long_query_holds_up_neither_writes_nor_other_reads(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            long = asyncio.create_task(db.query(SLOW, (1_000_000,)))
            await asyncio.sleep(0)
            await db.execute(ADD, ("a",))

            assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]
            assert not long.done()
            assert await long == [{"n": 1_000_000}]

    run(main())


@pytest.mark.parametrize(
    ("text", "parameters", "error", "message"),
    [
        ("INSERT INTO tasks (name) VALUES (?)", ([1],), TypeError, "parameter 1 is of type list"),
        ("SELECT ?", ("\ud800",), ValueError, "parameter 1 has a lone surrogate"),
        ("SELECT 1", "abc", TypeError, "the parameters are of type str"),
        (b"SELECT 1", (), TypeError, "the statement is of type bytes, wanted str"),
        ("", (), ValueError, "the statement is empty"),
        ("BEGIN", (), ValueError, r"BEGIN outside of a transaction; use .* transaction\(\)"),
        ("/* */ commit", (), ValueError, "COMMIT outside of a transaction"),
        ("SAVEPOINT a", (), ValueError, "SAVEPOINT outside of a transaction"),
        ("SELECT nope FROM tasks", (), sqlite3.OperationalError, "no such column: nope; in 'SEL"),
        ("SELECT ?", (1, 2), sqlite3.ProgrammingError, "1, and there are 2 supplied.*in 'SELECT"),
        ("SELECT 1; SELECT 2", (), sqlite3.ProgrammingError, "one statement at a time"),
        ("SELECT '\0'", (), sqlite3.ProgrammingError, "null character"),
    ],
)
def test_a_wrong_call_fails_and_changes_nothing(
    place: Path | str, text: Any, parameters: Any, error: type[Exception], message: str
) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            execute = db.query if str(text).startswith("SELECT") else db.execute
            for call in (db.query, db.query_one, execute):
                with pytest.raises(error, match=message):
                    await call(text, parameters)
            assert (await db.execute(ADD, ("after",))).rows_affected == 1

    run(main())


@pytest.mark.parametrize("text", ["SELECT 1", " /* */ values (1)", "WITH a AS (SELECT 1) SELECT 1"])
def test_a_statement_that_only_reads_is_no_work_for_execute(place: Path | str, text: str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            with pytest.raises(ValueError, match=r"^execute\(\) returns no rows; use query\(\) or"):
                await db.execute(text)
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(ValueError, match=r"use query\(\) or query_one\(\) for '"):
                    await tx.execute(text)

            assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]

    run(main())


def test_a_write_waits_for_the_lock_of_another_program(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with tasks(file) as db:
            other = sqlite3.connect(file, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(db.execute(ADD, ("a",)))
            assert await db.query("SELECT * FROM tasks") == []
            assert not waiting.done()
            other.execute("COMMIT")
            other.close()

            assert (await waiting).rows_affected == 1

    run(main())


def test_two_event_loops_can_use_one_database(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            await asyncio.to_thread(lambda: asyncio.run(db.execute(ADD, ("elsewhere",))))
            await db.execute(ADD, ("here",))

            assert names(tmp_path / "tasks.db") == ["elsewhere", "here"]

    run(main())
