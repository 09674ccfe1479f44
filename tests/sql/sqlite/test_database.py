"""A running database: queries, results, closing, and starting again."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from tests.support.databases import ADD, LIMIT, names, run, serving, tasks

SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    "SELECT count(*) AS n FROM n"
)
ENDLESS = 10**12


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
            for call in (db.query, db.query_one, db.execute):
                with pytest.raises(error, match=message):
                    await call(text, parameters)
            assert (await db.execute(ADD, ("after",))).rows_affected == 1

    run(main())


def test_calls_fail_while_the_database_does_not_run(tmp_path: Path) -> None:
    async def main() -> None:
        db = Database(Settings(file=str(tmp_path / "tasks.db"), label="tasks.db"))
        with pytest.raises(DatabaseClosed, match=r"database 'tasks\.db' is not running"):
            await db.query("SELECT 1")
        async with serving(db):
            await db.query("SELECT 1")
        with pytest.raises(DatabaseClosed):
            await db.execute("SELECT 1")
        with pytest.raises(DatabaseClosed):
            async with db.transaction():
                pass

    run(main())


def test_after_a_stop_it_runs_again_on_the_same_file(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with tasks(file) as db:
            await db.execute(ADD, ("first",))
        async with serving(db):
            await db.execute(ADD, ("second",))

            assert [row["name"] for row in await db.query("SELECT * FROM tasks")] == names(file)
        assert names(file) == ["first", "second"]

    run(main())


def test_a_stop_that_was_set_before_the_run_began_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        db = Database(Settings(file=str(tmp_path / "tasks.db"), label="tasks.db"))
        shown: list[str] = []
        await db.run(lambda where="": shown.append(where), stop)

        assert shown == ["tasks.db"]

    run(main())


def test_a_stop_finishes_what_is_queued_and_empties_the_journal(tmp_path: Path) -> None:
    async def main() -> list[asyncio.Task[Any]]:
        async with tasks(tmp_path / "tasks.db") as db:
            writes = [asyncio.create_task(db.execute(ADD, (str(n),))) for n in range(500)]
            reads = [asyncio.create_task(db.query("SELECT 1 AS one")) for _ in range(100)]
            await asyncio.sleep(0)
        assert all(task.done() for task in writes + reads)
        assert all(task.result() == [{"one": 1}] for task in reads)
        return writes

    run(main())

    assert len(names(tmp_path / "tasks.db")) == 500
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.db"]


def test_no_thread_is_left_after_a_stop(tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with tasks(tmp_path / "tasks.db"):
            return [thread.name for thread in threading.enumerate() if "sqlite" in thread.name]

    running = run(main())
    left = [thread for thread in threading.enumerate() if "sqlite" in thread.name]
    for thread in left:
        thread.join(LIMIT)

    assert sorted(running) == ["sqlite tasks.db reader"] * 2 + ["sqlite tasks.db writer"]
    assert not any(thread.is_alive() for thread in left)


def test_a_cancelled_run_breaks_off_what_runs_and_refuses_the_rest(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        db = Database(Settings(file=str(tmp_path / "tasks.db"), label="tasks.db"))
        ready = asyncio.Event()
        service = asyncio.create_task(db.run(lambda where="": ready.set(), asyncio.Event()))
        await ready.wait()
        await db.execute("CREATE TABLE counted (n)")
        # Both kinds of thread are busy for ever, and something waits behind each.
        calls = [
            asyncio.create_task(db.execute(f"INSERT INTO counted {SLOW}", (ENDLESS,))),
            asyncio.create_task(db.execute("INSERT INTO counted VALUES (1)")),
            *(asyncio.create_task(db.query(SLOW, (ENDLESS,))) for _ in range(3)),
        ]
        await asyncio.wait(calls, timeout=0.1)
        service.cancel()
        with pytest.raises(asyncio.CancelledError):
            await service
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = run(main())

    assert all(isinstance(error, sqlite3.OperationalError | DatabaseClosed) for error in outcomes)
    for thread in threading.enumerate():
        if "sqlite" in thread.name:
            thread.join(LIMIT)
            assert not thread.is_alive()


def test_a_writer_that_dies_fails_the_run_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise OSError("no more")

    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            monkeypatch.setattr("runtime.engines.sql.sqlite.writer._together", die)
            with pytest.raises(DatabaseClosed, match="the writer failed: no more"):
                await db.execute(ADD, ("a",))
            monkeypatch.undo()

    with pytest.raises(OSError, match="no more"):
        run(main())


def test_the_threads_do_not_hold_the_process_open(tmp_path: Path) -> None:
    program = f"""
import asyncio
from tests.support.databases import tasks
from tests.sql.sqlite.test_database import ENDLESS, SLOW
async def main():
    async with tasks({str(tmp_path / "tasks.db")!r}) as db:
        calls = [asyncio.create_task(call(SLOW, (ENDLESS,))) for call in (db.execute, db.query)]
        for call in calls:  # whether they are interrupted or never heard of is not asked here
            call.add_done_callback(lambda call: call.cancelled() or call.exception())
        await asyncio.sleep(0.1)
        raise SystemExit(7)
try:
    asyncio.run(asyncio.wait_for(main(), 0.3))
except BaseException as error:
    pass
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT, check=True
    )

    assert (ended.stdout, ended.stderr) == ("ended\n", "")


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
