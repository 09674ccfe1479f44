"""A pooler in between: pgbouncer lends its connections for one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from runtime.engines.sql.postgres import address
from runtime.service import StartError, Unavailable
from tests.support.databases import ADD, run, serving
from tests.support.pgbouncer import PgBouncer, require_pgbouncer
from tests.support.postgres_databases import TASKS, database
from tests.support.postgres_schema import PostgresSchema

SETTINGS = ("statement_timeout", "lock_timeout", "TimeZone", "synchronous_commit", "search_path")
IDLE = "idle_in_transaction_session_timeout"
SHOWN = ", ".join(f"current_setting('{name}') AS {name}" for name in (*SETTINGS, IDLE))


@pytest.fixture
def pooler(postgres: PostgresSchema) -> Iterator[PgBouncer]:
    """With one connection, which all its clients have in turn."""
    require_pgbouncer()
    with PgBouncer(postgres.port, default_pool_size=1).running() as server:
        yield server


def pooled(pooler: PgBouncer, postgres: PostgresSchema, **changes: Any) -> Any:
    return database(pooler.url, pooler=True, schema=postgres.name, **changes)


def test_every_call_works_and_nothing_stays_with_the_connection(
    pooler: PgBouncer, postgres: PostgresSchema
) -> None:
    async def main() -> None:
        async with serving(pooled(pooler, postgres)) as db:
            await db.executescript(f"{TASKS}; CREATE INDEX ON tasks (status);")
            for number in range(20):  # more often than it takes to prepare
                await db.execute(ADD, (str(number),))
                assert (await db.query_one("SELECT count(*) AS n FROM tasks"))["n"] == number + 1
            assert (await db.executemany(ADD, [("a",), ("b",)])).rows_affected == 2
            async with db.transaction() as tx:
                with pytest.raises(psycopg.IntegrityError):
                    async with tx.attempt():
                        await tx.execute(ADD, ("a",))
                await tx.execute("DELETE FROM tasks WHERE name = :name", {"name": "a"})
            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 21}
            await asyncio.to_thread(db.blocking.execute, ADD, ("c",))

    run(main())
    with psycopg.connect(pooler.url, autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_settings_reach_each_statement_and_no_other_client(
    pooler: PgBouncer, postgres: PostgresSchema
) -> None:
    async def main() -> None:
        limits: dict[str, Any] = {"statement_timeout": 7.0, "transaction_timeout": 2.0}
        async with serving(pooled(pooler, postgres, durable=False, lock_timeout=1, **limits)) as db:
            common = {
                "lock_timeout": "1s",
                "timezone": "UTC",
                "synchronous_commit": "off",
                "search_path": f'"{postgres.name}"',
            }
            alone = {**common, "statement_timeout": "7s", IDLE: "7s"}
            assert await db.query_one(f"SELECT {SHOWN}") == alone
            async with db.transaction() as tx:
                inside = {**common, "statement_timeout": "2s", IDLE: "2s"}
                assert await tx.query_one(f"SELECT {SHOWN}") == inside

    with psycopg.connect(postgres.server_url, autocommit=True) as own:
        expected = own.execute(f"SELECT {SHOWN}").fetchone()
    run(main())
    with psycopg.connect(pooler.url, autocommit=True) as other:
        assert other.execute(f"SELECT {SHOWN}").fetchone() == expected


def test_a_statement_that_takes_too_long_has_the_error_that_it_has_without_a_pooler(
    pooler: PgBouncer, postgres: PostgresSchema
) -> None:
    async def main() -> None:
        async with serving(pooled(pooler, postgres, statement_timeout=0.05)) as db:
            with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
                await db.query("SELECT pg_sleep(60)")
            assert await db.query("SELECT 1 AS n") == [{"n": 1}]

    run(main())


def test_a_cancelled_statement_gives_the_connection_of_the_pooler_back(
    pooler: PgBouncer, postgres: PostgresSchema
) -> None:
    async def main() -> None:
        async with serving(pooled(pooler, postgres)) as db:
            await db.query("SELECT 1")
            task = asyncio.create_task(db.query("SELECT pg_sleep(60)"))
            sleeps = "SELECT 1 FROM pg_stat_activity WHERE query LIKE %s AND state = 'active'"
            while not await asyncio.to_thread(postgres.execute, sleeps, "SELECT pg_sleep(60)%"):
                pass
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            assert await db.query("SELECT 1 AS n") == [{"n": 1}]

    run(main())


def test_a_pooler_that_restarts_is_found_again(pooler: PgBouncer, postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with serving(pooled(pooler, postgres)) as db:
            await db.query("SELECT 1")
            await asyncio.to_thread(pooler.kill)
            with pytest.raises(Unavailable):
                await db.query("SELECT 1")
            await asyncio.to_thread(pooler.start)
            while True:
                try:
                    assert await db.query("SELECT 1 AS n") == [{"n": 1}]
                    break
                except Unavailable:
                    await asyncio.sleep(0)

    run(main())


def test_a_lock_by_name_goes_around_the_pooler(pooler: PgBouncer, postgres: PostgresSchema) -> None:
    async def main() -> None:
        direct = address.complete(address.read(postgres.server_url), "app:direct")
        async with serving(pooled(pooler, postgres, direct=direct)) as db:
            lock = db.exclusive("app:migrate")
            await lock.__aenter__()
            held = "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            found = await db.query(held + "WHERE locktype = 'advisory'")
            assert {"application_name": "app:direct"} in found
            await lock.__aexit__(None, None, None)

    run(main())


def test_what_cannot_be_in_a_transaction_goes_around_the_pooler(
    pooler: PgBouncer, postgres: PostgresSchema
) -> None:
    async def main() -> None:
        direct = address.complete(address.read(postgres.server_url), "app:direct")
        async with serving(pooled(pooler, postgres, direct=direct)) as db:
            await db.execute(TASKS)
            await db.execute("VACUUM tasks")
            await db.execute("CREATE INDEX CONCURRENTLY i ON tasks (status)")
            with pytest.raises(psycopg.errors.UndefinedTable, match="in 'VACUUM nope'"):
                await db.execute("VACUUM nope")
        async with serving(pooled(pooler, postgres)) as db:
            with pytest.raises(ValueError, match=r"VACUUM has no place .* server in 'direct'"):
                await db.execute("VACUUM tasks")

    run(main())
    assert postgres.execute("SELECT to_regclass('i')::text") == [("i",)]


def test_a_pooler_that_is_not_named_as_one_is_refused_with_the_mend(pooler: PgBouncer) -> None:
    async def main() -> None:
        async with serving(database(pooler.url)):
            pass

    with pytest.raises(StartError, match=r"options.*behind a pooler write `pooler: transaction`"):
        run(main())
