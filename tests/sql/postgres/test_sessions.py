"""Sessions: the schema of a database, and what a forked child may do with its connections."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable

import psycopg
import pytest

from runtime.handlers.fork import ForkedChild
from tests.support.databases import ADD, run, serving
from tests.support.postgres_databases import TASKS, database, tasks
from tests.support.postgres_schema import PostgresSchema


def test_tables_are_made_and_found_in_the_schema_alone(postgres: PostgresSchema) -> None:
    async def main() -> None:
        other = f'{postgres.name}_"other'
        async with serving(database(postgres.server_url)) as db:
            await db.execute(f'CREATE SCHEMA "{other.replace(chr(34), 2 * chr(34))}"')
        async with serving(database(postgres.url, schema=other)) as db:
            await db.execute(TASKS)
            await db.execute(ADD, ("a",))
            async with db.transaction() as tx:
                await tx.execute(ADD, ("b",))
            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 2}
        async with serving(database(postgres.url, schema=postgres.name)) as db:
            with pytest.raises(psycopg.errors.UndefinedTable):
                await db.query("SELECT * FROM tasks")
        async with serving(database(postgres.server_url)) as db:
            await db.execute(f'DROP SCHEMA "{other.replace(chr(34), 2 * chr(34))}" CASCADE')

    run(main())


def test_a_schema_that_is_missing_is_told_when_a_table_is_made(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with serving(database(postgres.server_url, schema="nope")) as db:
            with pytest.raises(psycopg.errors.InvalidSchemaName, match="no schema has been"):
                await db.execute(TASKS)

    run(main())


def in_child(work: Callable[[], None]) -> bool:
    """Run work in a forked child; True if it did not raise."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_refused_and_the_connections_go_on(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url, size=1) as db:
            pid = await db.query_one("SELECT pg_backend_pid() AS pid")
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))

                def use() -> None:
                    for call in (db.query, tx.query):
                        with pytest.raises(ForkedChild):
                            asyncio.run(call("SELECT 1"))
                    with pytest.raises(ForkedChild):
                        db.blocking.query("SELECT 1")

                assert in_child(use)
                await tx.execute(ADD, ("b",))
            assert await db.query_one("SELECT count(*) AS n FROM tasks") == {"n": 2}
            assert await db.query_one("SELECT pg_backend_pid() AS pid") == pid

    run(main())
