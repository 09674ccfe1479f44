"""Transactions on a server: lazy, limited in time, and over once a statement failed."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from runtime.engines.sql.contract import TransactionLost, Uncertain
from runtime.service import Unavailable
from tests.support.databases import ADD, run
from tests.support.postgres_databases import tasks
from tests.support.postgres_schema import PostgresSchema
from tests.support.postgres_server import PostgresServer

NAMES = "SELECT name FROM tasks ORDER BY name"


def test_nothing_is_sent_before_the_first_statement(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            async with db.transaction():
                assert (
                    postgres.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'app:db' "
                        "AND state = 'idle in transaction'"
                    )
                    == []
                )
            async with db.transaction() as tx:
                row = await tx.query_one(
                    "SELECT current_setting('statement_timeout') AS a, "
                    "current_setting('idle_in_transaction_session_timeout') AS b"
                )
                assert row == {"a": "3s", "b": "3s"}
            assert await db.query_one("SHOW statement_timeout") == {"statement_timeout": "30s"}

    run(main())


def test_a_failed_statement_loses_the_transaction(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            with pytest.raises(TransactionLost, match=r"a statement failed .* tx\.attempt\(\)"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    with pytest.raises(psycopg.IntegrityError):
                        await tx.execute(ADD, ("a",))
                    with pytest.raises(TransactionLost):
                        await tx.query("SELECT 1")

            assert await db.query(NAMES) == []

    run(main())


def test_a_value_that_was_never_sent_leaves_it_as_it_is(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(TypeError):
                    await tx.execute(ADD, (object(),))
                with pytest.raises(ValueError, match="COMMIT inside of a transaction"):
                    await tx.execute("COMMIT")

            assert await db.query(NAMES) == [{"name": "a"}]

    run(main())


def test_an_attempt_that_went_on_after_a_failure_is_undone_and_says_so(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                with pytest.raises(TransactionLost, match="a statement of the attempt failed"):
                    async with tx.attempt():
                        await tx.execute(ADD, ("b",))
                        with pytest.raises(psycopg.IntegrityError):
                            await tx.execute(ADD, ("a",))
                await tx.execute(ADD, ("c",))

            assert await db.query(NAMES) == [{"name": "a"}, {"name": "c"}]

    run(main())


def test_one_that_lingers_is_rolled_back_and_gives_its_connection_to_others(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with tasks(postgres.url, size=1, transaction_timeout=0.05) as db:
            for slow in ("SELECT pg_sleep(60)", None):
                with pytest.raises(TransactionLost, match=r"for more than 0\.05 s"):
                    async with db.transaction() as tx:
                        await tx.execute(ADD, ("a",))
                        if slow:
                            await tx.query(slow)
                        while tx.entered().is_open:  # noqa: ASYNC110
                            await asyncio.sleep(0)

            assert await db.query(NAMES) == []

    run(main())


def test_a_cancelled_task_rolls_back(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url, size=1) as db:
            inside = asyncio.Event()

            async def work(statement: str) -> None:
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    inside.set()
                    await tx.query(statement)
                    await asyncio.Event().wait()

            for statement in ("SELECT 1", "SELECT pg_sleep(60)"):
                task = asyncio.create_task(work(statement))
                await inside.wait()
                inside.clear()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

                assert await db.query(NAMES) == []

    run(main())


def test_statements_of_several_tasks_run_in_their_order(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            async with db.transaction() as tx:
                await asyncio.gather(*(tx.execute(ADD, (str(n),)) for n in range(9)))

            rows = await db.query("SELECT name FROM tasks ORDER BY id")
            assert [row["name"] for row in rows] == [*map(str, range(9))]

    run(main())


def test_others_may_add_their_steps(postgres: PostgresSchema) -> None:
    async def main() -> None:
        committed: list[str] = []

        async def step(raw: Any) -> int:
            cursor = await raw.execute("INSERT INTO tasks (name) VALUES ($1) RETURNING id", ["a"])
            return int((await cursor.fetchone())["id"])

        async def refuse(raw: Any) -> Exception:
            return ValueError("full")

        async def fail(raw: Any) -> None:
            raise LookupError("no")

        async with tasks(postgres.url) as db:
            async with db.transaction() as tx:
                answer = tx.add(step)
                tx.after_commit(lambda: committed.append("a"))
                with pytest.raises(ValueError, match="full"):
                    await tx.add(refuse)
                await tx.execute(ADD, ("b",))
                assert await answer == 1
                assert committed == []
            await asyncio.sleep(0)
            assert committed == ["a"]
            assert await db.query(NAMES) == [{"name": "a"}, {"name": "b"}]

            with pytest.raises(TransactionLost):
                async with db.transaction() as tx:
                    tx.after_commit(lambda: committed.append("lost"))
                    await tx.execute(ADD, ("c",))
                    with pytest.raises(LookupError):
                        await tx.add(fail)
            assert (committed, len(await db.query(NAMES))) == (["a"], 2)

    run(main())


def test_an_abandoned_one_is_rolled_back_under_the_feet_of_a_thread(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            tx = db.transaction()
            await tx.__aenter__()
            await tx.execute(ADD, ("a",))
            tx.abandon()
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                while True:
                    await asyncio.to_thread(tx.blocking.query, "SELECT 1")
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                await tx.__aexit__(None, None, None)

            assert await db.query(NAMES) == []

    run(main())


def test_a_commit_without_an_answer_is_uncertain(postgres_server: PostgresServer) -> None:
    async def main() -> None:
        async with tasks(postgres_server.url, transaction_timeout=0.1) as db:
            with pytest.raises(Uncertain, match="the change may or may not have been saved"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    postgres_server.suspend()
            postgres_server.resume()

    run(main())


def test_a_connection_that_breaks_inside_is_unavailable(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with tasks(postgres.url) as db:
            with pytest.raises(TransactionLost):
                async with db.transaction() as tx:
                    row = await tx.query_one("SELECT pg_backend_pid() AS pid")
                    assert row is not None
                    postgres.execute("SELECT pg_terminate_backend(%s)", row["pid"])
                    with pytest.raises(Unavailable, match="terminating connection"):
                        await tx.query("SELECT 1")

            assert await db.query("SELECT 1 AS n") == [{"n": 1}]

    run(main())
