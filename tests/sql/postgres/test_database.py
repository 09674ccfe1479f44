"""The database: statements outside of transactions, errors, cancellation, the pool."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.service import StartError, Unavailable
from tests.support.databases import ADD, clean_context, run, serving
from tests.support.postgres_databases import database, tasks
from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import PostgresServer


def test_an_error_has_the_first_line_and_no_value(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            await db.execute(ADD, ("secret",))
            with pytest.raises(psycopg.errors.UniqueViolation) as unique:
                await db.execute(ADD, ("secret",))
            with pytest.raises(psycopg.DataError) as wrong:
                await db.query("SELECT ?::int", ('7 "secret"',))

            assert str(unique.value) == (
                'duplicate key value violates unique constraint "tasks_name_key"; '
                "in 'INSERT INTO tasks (name) VALUES (?)'"
            )
            assert str(wrong.value) == (
                "invalid input syntax for type integer: \"…\"; in 'SELECT ?::int'"
            )

    run(main())


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("INSERT OR REPLACE INTO tasks (name) VALUES ('x')", "write INSERT … ON CONFLICT"),
        ("REPLACE INTO tasks (name) VALUES ('x')", "write INSERT … ON CONFLICT"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", "write GENERATED ALWAYS"),
        ("PRAGMA journal_mode", "PRAGMA is of SQLite alone"),
    ],
)
def test_a_statement_of_sqlite_is_answered_with_what_to_write(
    postgres: PostgresSchema, text: str, mend: str
) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            with pytest.raises(psycopg.errors.SyntaxError, match=mend):
                await db.execute(text)

    run(main())


def test_many_rows_are_kept_all_or_none_and_the_first_wrong_one_is_named(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            rows = [(str(number),) for number in range(1200)]
            assert (await db.executemany(ADD, rows)).rows_affected == 1200
            with pytest.raises(psycopg.IntegrityError, match=r"^row 702: duplicate key"):
                await db.executemany(ADD, [*((f"n{n}",) for n in range(701)), ("7",), ("8",)])
            with pytest.raises(TypeError, match=r"^row 2: parameter 1 is of type object"):
                await db.executemany(ADD, [("x",), (object(),)])

            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 1200}

    run(main())


def test_a_script_is_kept_all_or_not_and_the_wrong_statement_is_named(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            with pytest.raises(psycopg.ProgrammingError, match=r"^statement 2 \(line 2\): column"):
                await db.executescript("INSERT INTO tasks (name) VALUES ('a');\nSELECT nope;")

            assert await db.query("SELECT * FROM tasks") == []

    run(main())


def test_a_lock_that_is_waited_for_too_long_is_unavailable(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url, lock_timeout=0.05) as db:
            await db.execute(ADD, ("a",))
            with postgres.connect() as other, other.transaction():
                other.execute("SELECT * FROM tasks FOR UPDATE")
                with pytest.raises(Unavailable, match="canceling statement due to lock timeout"):
                    await db.execute("UPDATE tasks SET status = 'x'")

    run(main())


def test_a_statement_that_takes_too_long_is_cancelled(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with serving(database(postgres.url, statement_timeout=0.05)) as db:
            with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
                await db.query("SELECT pg_sleep(60)")

    run(main())


def test_a_cancelled_statement_is_cancelled_at_the_server_and_leaves_its_connection(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with serving(database(postgres.url, size=1)) as db:
            pid = await db.query_one("SELECT pg_backend_pid() AS pid")
            task = asyncio.create_task(db.query("SELECT pg_sleep(60)"))
            waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
            while not await asyncio.to_thread(postgres.execute, waiting, pid["pid"]):
                pass
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            assert await db.query_one("SELECT pg_backend_pid() AS pid") == pid

    run(main())


def test_callers_wait_for_a_connection_and_give_up_in_time(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url, size=1) as db:
            await asyncio.gather(*(db.execute(ADD, (str(n),)) for n in range(20)))
        async with serving(database(postgres.url, size=1, wait=0.05)) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(Unavailable, match=r"all 1 connections to .* raise pool\.size"):
                    await asyncio.get_running_loop().create_task(
                        db.query("SELECT 1"), context=clean_context()
                    )

            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 21}

    run(main())


def test_those_that_wait_for_a_connection_are_counted(postgres: PostgresSchema) -> None:
    async def main() -> None:
        pool_of_one = database(postgres.url, size=1)
        pool_of_one.pool_waits = []
        async with serving(pool_of_one) as db:
            await db.query("SELECT 1")
            assert db.pool_waits == []
            async with db.transaction() as tx:
                await tx.query("SELECT 1")
                query, context = db.query("SELECT 2"), clean_context()
                waiting = asyncio.get_running_loop().create_task(query, context=context)
                while db.pool_use != (1, 0, 1):  # noqa: ASYNC110
                    await asyncio.sleep(0)
            await waiting
            assert len(db.pool_waits) == 1
            assert db.pool_use == (0, 1, 0)
        assert db.pool_use is None

    run(main())


def test_a_table_that_was_altered_meanwhile_is_read_as_it_is_now(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url, size=1) as db:
            await db.execute(ADD, ("a",))
            for _ in range(9):  # until the statement is prepared
                await db.query("SELECT * FROM tasks")
            await db.execute("ALTER TABLE tasks ADD COLUMN more int")

            assert (await db.query_one("SELECT * FROM tasks"))["more"] is None

    run(main())


def test_calls_are_refused_before_and_after_the_run(postgres: PostgresSchema) -> None:
    async def main() -> None:
        db = database(postgres.url)
        with pytest.raises(DatabaseClosed, match=r"'app:db' is not running \(it was not started\)"):
            await db.query("SELECT 1")
        async with serving(db):
            assert await db.query("SELECT 1 AS n") == [{"n": 1}]
        with pytest.raises(DatabaseClosed, match="it was stopped"):
            await db.query("SELECT 1")
        async with serving(db):
            assert await db.query("SELECT 1 AS n") == [{"n": 1}]

    run(main())


def test_a_stop_waits_for_what_runs(postgres: PostgresSchema) -> None:
    async def main() -> None:
        ready, stop = asyncio.Event(), asyncio.Event()
        db = database(postgres.url)
        service = asyncio.create_task(db.run(lambda where="": ready.set(), stop))
        await ready.wait()
        async with db.transaction() as tx:
            await tx.execute("CREATE TABLE t (n int)")
            stop.set()
            while True:
                try:
                    await asyncio.get_running_loop().create_task(
                        db.query("SELECT 1"), context=clean_context()
                    )
                except DatabaseClosed:
                    break
            assert not service.done()
            await tx.execute("INSERT INTO t VALUES (1)")
        await service

        assert postgres.execute("SELECT n FROM t") == [(1,)]

    run(main())


def test_an_address_that_is_wrong_is_not_tried_again(postgres: PostgresSchema) -> None:
    for url, message in [
        (postgres.server_url.rpartition("/")[0] + "/nope", 'database "nope" does not exist'),
        (f"{postgres.server_url}?options=-cnope%3D1", 'parameter "nope"'),
    ]:
        with pytest.raises(StartError, match=message):
            run(database(url).run(lambda where="": None, asyncio.Event()))
    with pytest.raises(Unavailable, match="cannot be reached"):
        run(database("postgresql://127.0.0.1:1/x").run(lambda where="": None, asyncio.Event()))


def test_a_server_that_comes_back_is_found_again(postgres_server: PostgresServer) -> None:
    async def main() -> None:
        async with tasks(postgres_server.url) as db:
            await db.execute(ADD, ("a",))
            await asyncio.to_thread(postgres_server.kill)
            with pytest.raises(Unavailable):
                await db.query("SELECT 1")
            await asyncio.to_thread(postgres_server.start)
            while True:
                try:
                    assert await db.query("SELECT name FROM tasks") == [{"name": "a"}]
                    break
                except Unavailable:
                    await asyncio.sleep(0)

    run(main())


def test_a_restart_that_nobody_saw_costs_no_call(postgres_server: PostgresServer) -> None:
    async def main() -> None:
        async with tasks(postgres_server.url) as db:
            await asyncio.gather(*(db.query("SELECT pg_sleep(0)") for _ in range(8)))
            await asyncio.to_thread(postgres_server.restart)
            for number in range(8):
                await db.execute(ADD, (str(number),))

    run(main())


def test_a_server_that_does_not_answer_loses_its_connection(
    postgres_server: PostgresServer,
) -> None:
    async def main() -> None:
        async with tasks(postgres_server.url, statement_timeout=0.05) as db:
            postgres_server.suspend()
            with pytest.raises(Unavailable):
                await db.query("SELECT 1")
            postgres_server.resume()
            while True:
                try:
                    await db.query("SELECT 1")
                    break
                except Unavailable:
                    await asyncio.sleep(0)

    run(main())


def test_a_server_that_is_full_serves_by_the_connections_there_are(
    postgres_server: PostgresServer,
) -> None:
    async def main() -> None:
        async with serving(database(postgres_server.url)) as db:
            others: list[psycopg.Connection] = []
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                while True:
                    others.append(psycopg.connect(postgres_server.url))
            answers = await asyncio.gather(*(db.query("SELECT pg_sleep(0)") for _ in range(50)))
            assert len(answers) == 50
            for other in others:
                other.close()

    postgres_server.settings["max_connections"] = 20
    postgres_server.restart()
    run(main())
