"""executemany and executescript: all of it or nothing, and an error says where."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from tests.support.databases import (
    ADD,
    ENDLESS,
    SLOW,
    clean_context,
    database,
    names,
    other_task,
    run,
    serving,
    tasks,
)

SCRIPT = """
-- tables; and a trigger, whose body has semicolons of its own
CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT DEFAULT ';');
CREATE TABLE log (what);
CREATE TRIGGER log_user AFTER INSERT ON users BEGIN
  INSERT INTO log VALUES ('a;b');
  INSERT INTO log VALUES (new.mail);
END;
;; /* nothing; */
INSERT INTO users (mail) VALUES ('x;--y'); INSERT INTO users DEFAULT VALUES;
PRAGMA user_version = 7;
SELECT 1 -- the last semicolon may be left out
"""


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return tmp_path / "tasks.db" if request.param == "file" else ":memory:"


async def stored(db: Any) -> list[str]:
    return [row["name"] for row in await db.query("SELECT name FROM tasks ORDER BY id")]


def test_each_row_is_inserted_and_counted(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            assert await db.executemany(ADD, [("a",), ["b"]]) == (2, None)
            named = "INSERT INTO tasks (name) VALUES (:n)"
            assert await db.executemany(named, ({"n": n} for n in "cd")) == (2, None)
            assert await db.executemany(ADD, []) == (0, None)
            assert await stored(db) == ["a", "b", "c", "d"]

    run(main())


@pytest.mark.parametrize(
    ("text", "rows", "affected"),
    [
        ("UPDATE tasks SET status = ? WHERE id <= ?", [("x", 2), ("y", 1)], 3),
        ("DELETE FROM tasks WHERE name = ?", [("a",), ("nobody",)], 1),
        ("/* new */ REPLACE INTO tasks (name) VALUES (?)", [("a",), ("z",)], 2),
        ("insert\nINTO tasks (name) VALUES (?) RETURNING id", [("y",), ("z",)], 2),
        ("WITH n(n) AS (VALUES (?)) INSERT INTO tasks (name) SELECT n FROM n", [("y",), ("z",)], 2),
        ("INSERT OR IGNORE INTO tasks (name) VALUES (?)", [("a",), ("y",)], 1),
    ],
)
def test_every_statement_that_changes_rows_may_have_many(
    place: Path | str, text: str, rows: list[Any], affected: int
) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            await db.executemany(ADD, [("a",), ("b",), ("c",)])
            assert await db.executemany(text, rows) == (affected, None)

    run(main())


@pytest.mark.parametrize("text", [ADD, f"{ADD} RETURNING id"])
def test_a_row_that_fails_undoes_all_and_is_named(place: Path | str, text: str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            await db.execute(ADD, ("b",))
            with pytest.raises(sqlite3.IntegrityError, match=r"^row 2: UNIQUE.*; in 'INSERT INTO"):
                await db.executemany(text, [("a",), ("b",), ("c",)])
            with pytest.raises(sqlite3.ProgrammingError, match=r"^row 2: Incorrect number of"):
                await db.executemany(text, [("a",), ("c", "d")])
            assert await stored(db) == ["b"]

    run(main())


@pytest.mark.parametrize(
    ("text", "rows", "error", "message"),
    [
        ("SELECT ?", [(1,)], ValueError, r"executemany\(\) is for INSERT, UPDATE, DELETE and REPL"),
        ("CREATE TABLE x (a)", [()], ValueError, "not for 'CREATE TABLE x"),
        ("", [()], ValueError, "the statement is empty"),
        (b"INSERT", [()], TypeError, "the statement is of type bytes"),
        (ADD, "abc", TypeError, "the rows are of type str, wanted a list of parameters"),
        (ADD, {"n": 1}, TypeError, "the rows are of type dict"),
        (ADD, 5, TypeError, "the rows are of type int"),
        (ADD, ["a", "b"], TypeError, "row 1: the parameters are of type str"),
        (ADD, [("a",), (object(),)], TypeError, "row 2: parameter 1 is of type object"),
        (ADD, [("a",), (2**70,)], ValueError, "row 2: parameter 1 is an integer beyond 64 bits"),
    ],
)
def test_wrong_rows_are_refused_at_once(
    text: Any, rows: Any, error: type[Exception], message: str
) -> None:
    async def main() -> None:
        async with tasks() as db:
            with pytest.raises(error, match=message):
                await db.executemany(text, rows)
            assert await stored(db) == []

    run(main())


def test_a_script_runs_all_its_statements(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            await db.executescript(SCRIPT)

            assert await db.query("SELECT what FROM log") == [
                {"what": "a;b"}, {"what": "x;--y"}, {"what": "a;b"}, {"what": ";"}
            ]  # fmt: skip
            assert await db.query_one("SELECT * FROM pragma_user_version") == {"user_version": 7}

    run(main())


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        (f"{SCRIPT};\nINSERT INTO nowhere\n VALUES (1)", sqlite3.OperationalError,
         r"^statement 8 \(line 14\): no such table: nowhere; in 'INSERT INTO nowhere'"),
        (f"{SCRIPT}; INSERT INTO users VALUES (1, 2)", sqlite3.IntegrityError, r"^statement 8 "),
        (f"{SCRIPT}; INSERT OR ROLLBACK INTO users VALUES (1, 2)", sqlite3.IntegrityError,
         r"^statement 8 "),
        (f"{SCRIPT}; CREATE TABLE a (b", sqlite3.OperationalError, "^statement 8 .*incomplete in"),
        (f"{SCRIPT}; SELECT 'a; SELECT 2;", sqlite3.OperationalError, "^statement 8 .*unrecog"),
        (f"{SCRIPT}; VACUUM", sqlite3.OperationalError, "^statement 8 .*cannot VACUUM from within"),
        (f"{SCRIPT}; INSERT INTO log VALUES (?)", sqlite3.ProgrammingError, "^statement 8 .*Inc"),
        (f"BEGIN;{SCRIPT}", ValueError, r"^statement 1 \(line 1\): BEGIN in a script, which is"),
        (f"{SCRIPT}; COMMIT;", ValueError, r"^statement 8 \(line 13\): COMMIT in a script"),
        (f"{SCRIPT}; PRAGMA foreign_keys = off", ValueError, "^statement 8 .*means nothing inside"),
        (" ; -- nothing\n", ValueError, "^the script is empty$"),
        ("SELECT 1;\0", ValueError, "^the script has a NUL in it$"),
        ("SELECT '\ud800'", ValueError, "lone surrogate"),
        (b"SELECT 1", TypeError, "^the script is of type bytes, wanted str$"),
    ],
)  # fmt: skip
def test_a_script_that_fails_is_undone_and_says_where(
    place: Path | str, script: Any, error: type[Exception], message: str
) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            with pytest.raises(error, match=message):
                await db.executescript(script)
            tables = await db.query("SELECT name FROM sqlite_master WHERE name = 'users'")

            assert tables == []
            await db.execute(ADD, ("after",))

    run(main())


def test_in_a_transaction_they_are_a_part_that_may_fail_alone(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:
            async with db.transaction() as tx:
                await tx.executemany(ADD, [("a",), ("b",)])
                with pytest.raises(sqlite3.IntegrityError, match=r"^row 2: UNIQUE"):
                    await tx.executemany(ADD, [("c",), ("b",)])
                await tx.executescript("CREATE TABLE t (n); INSERT INTO t VALUES (1);")
                with pytest.raises(sqlite3.OperationalError, match=r"^statement 2 .*nothing"):
                    await tx.executescript("DROP TABLE t; DROP TABLE nothing")
                assert await tx.query("SELECT n FROM t") == [{"n": 1}]
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.executemany(ADD, [("d",)])
                    await tx.executescript("DROP TABLE t")
                    raise ZeroDivisionError

            assert await stored(db) == ["a", "b"]
            assert await db.query("SELECT n FROM t") == [{"n": 1}]

    run(main())


def test_both_are_there_for_threads(place: Path | str) -> None:
    async def main() -> None:
        async with tasks(place) as db:

            def work() -> None:
                blocking = db.blocking
                assert blocking.executemany(ADD, [("a",), ("b",)]) == (2, None)
                blocking.executescript("DELETE FROM tasks WHERE name = 'a'; SELECT 1")
                with blocking.transaction() as tx:
                    assert tx.executemany(ADD, [("c",)]) == (1, None)
                    tx.executescript("INSERT INTO tasks (name) VALUES ('d');")

            await asyncio.to_thread(work)
            assert await stored(db) == ["b", "c", "d"]
            with pytest.raises(RuntimeError, match="would stop the event loop"):
                db.blocking.executemany(ADD, [("e",)])
            with pytest.raises(RuntimeError, match="would stop the event loop"):
                db.blocking.executescript("SELECT 1")

    run(main())


def test_inside_a_transaction_those_of_the_database_would_wait_for_themselves() -> None:
    async def main() -> None:
        async with tasks() as db, db.transaction():
            with pytest.raises(RuntimeError, match="which would wait for itself"):
                await db.executemany(ADD, [("a",)])
            with pytest.raises(RuntimeError, match="which would wait for itself"):
                await db.executescript("SELECT 1")

    run(main())


def test_they_fail_alone_among_others_that_are_committed_with_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            results = await asyncio.gather(
                db.execute(ADD, ("a",)),
                db.executemany(ADD, [("b",), ("a",)]),
                db.executemany(ADD, [("c",), ("d",)]),
                other_task(db, "e"),
                db.executescript("INSERT INTO tasks (name) VALUES ('f'); SELECT nope"),
                db.execute(ADD, ("g",)),
                return_exceptions=True,
            )
            failed = [isinstance(result, Exception) for result in results]

            assert failed == [False, True, False, False, True, False]
            assert sorted(names(tmp_path / "tasks.db")) == ["a", "c", "d", "e", "g"]

    run(main())


def test_one_that_is_cancelled_while_it_waits_is_not_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                waiting = [
                    asyncio.ensure_future(call)
                    for call in (
                        run_outside(db.executemany(ADD, [("b",)])),
                        run_outside(db.executescript(f"{ADD.replace('?', repr('c'))}")),
                    )
                ]
                await asyncio.sleep(0)
                for each in waiting:
                    each.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            await db.execute(ADD, ("d",))

            assert names(tmp_path / "tasks.db") == ["a", "d"]

    run(main())


async def run_outside(call: Any) -> Any:
    """Await a call in the context of another task, which is in no transaction."""
    return await asyncio.get_running_loop().create_task(call, context=clean_context())


def test_a_stop_that_does_not_wait_breaks_off_between_two_statements(tmp_path: Path) -> None:
    async def main() -> None:
        db = database(tmp_path / "tasks.db")
        ready = asyncio.Event()
        service = asyncio.create_task(db.run(lambda where="": ready.set(), asyncio.Event()))
        await ready.wait()
        await db.execute("CREATE TABLE t (n)")
        script = f"INSERT INTO t VALUES (1); {SLOW.replace('?', str(ENDLESS))}"
        work = asyncio.create_task(db.executescript(script))
        await asyncio.sleep(0)
        service.cancel()
        with pytest.raises((DatabaseClosed, sqlite3.OperationalError)):
            await work
        with pytest.raises(asyncio.CancelledError):
            await service
        async with serving(database(tmp_path / "tasks.db")) as again:
            assert await again.query("SELECT * FROM t") == []

    run(main())
