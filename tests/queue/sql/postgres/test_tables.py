"""The tables of queues in PostgreSQL: their versions, schemas and plans."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from click.testing import CliRunner

from runtime.cli import command
from runtime.engines.queue.sql.operations import Publish
from runtime.engines.queue.sql.postgres import tables
from runtime.engines.queue.sql.postgres.claiming import CLAIM
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.session import PINNED
from runtime.service import StartError
from tests.support import postgres_databases as databases
from tests.support.consuming import run
from tests.support.postgres_program import program
from tests.support.postgres_schema import PostgresSchema
from tests.support.store_conformance.suite import QUEUE, a_message, ack
from tests.support.stores import hasty


def test_an_old_program_runs_beside_a_new_one_while_the_tables_allow_it(
    postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with program(postgres.url) as old:
            await old.publish(a_message("of the old one"))
            version = tables.VERSION
            monkeypatch.setattr(tables, "VERSION", version + 1)
            added = "ALTER TABLE {schema}.runtime_message ADD COLUMN colour text"
            monkeypatch.setitem(tables.MIGRATIONS, version, added)
            async with program(postgres.url) as new:
                await new.publish(a_message("of the new one"))
                bodies = await old.bodies(1) + await new.bodies(1)
                monkeypatch.setattr(tables, "VERSION", version)
                async with program(postgres.url) as another_old:
                    await another_old.publish(a_message("of another old one"))
                    bodies += await new.bodies(1)

            assert bodies == ["of the old one", "of the new one", "of another old one"]
            assert postgres.execute("SELECT * FROM runtime_version") == [(version + 1, 1)]

    run(test)


def test_a_program_that_is_too_old_for_the_tables_does_not_start(
    postgres: PostgresSchema,
) -> None:
    async def test() -> None:
        async with program(postgres.url):
            pass
        new = tables.VERSION + 1
        postgres.execute(f"UPDATE runtime_version SET version = {new + 1}, oldest = {new}")
        with pytest.raises(StartError, match=rf"version {new + 1}.*from version {new} on.*newer"):
            async with program(postgres.url):
                pass

    run(test)


def test_programs_that_start_together_make_the_tables_once(postgres: PostgresSchema) -> None:
    async def one() -> None:
        async with program(postgres.url) as opened:
            await opened.publish(a_message())

    async def test() -> None:
        await asyncio.gather(*(one() for _ in range(4)))

        assert postgres.execute("SELECT count(*) FROM runtime_message") == [(4,)]

    run(test)


def test_tables_are_of_their_schema_whatever_the_search_path_is_later(
    postgres: PostgresSchema,
) -> None:
    async def test() -> None:
        async with databases.serving(
            databases.database(postgres.server_url, schema=postgres.name)
        ) as database:
            store = database.queue_store(hasty())
            await store.open([QUEUE], lambda report: None, lambda queue: None)
            async with database.transaction() as tx:
                await tx.execute("SET LOCAL search_path = pg_catalog")
                await store.publish(Publish(QUEUE, a_message(), 0.0, 10), tx)
            await store.close()

        assert postgres.execute(f"SELECT count(*) FROM {postgres.name}.runtime_message") == [(1,)]

    run(test)


def test_a_role_that_may_make_no_tables_is_told_what_to_do_and_uses_those_that_are_there(
    postgres: PostgresSchema,
) -> None:
    role = f"{postgres.name}_role"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    postgres.execute(f"GRANT USAGE ON SCHEMA {postgres.name} TO {role}")
    url = postgres.url.replace("//postgres@", f"//{role}@")

    async def test() -> None:
        with pytest.raises(StartError, match="runtime tables --sql"):
            async with program(url):
                pass
        printed = CliRunner().invoke(command, ["tables", "--sql", "--schema", postgres.name])
        postgres.execute(printed.output)
        postgres.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES "
            f"IN SCHEMA {postgres.name} TO {role}"
        )
        async with program(url) as here:
            await here.publish(a_message())
            await here.store.settle(ack(await here.one()))

    try:
        run(test)
    finally:
        postgres.execute(f"DROP OWNED BY {role}")
        postgres.execute(f"DROP ROLE {role}")


def test_a_schema_that_is_not_there_is_refused(postgres: PostgresSchema) -> None:
    async def test() -> None:
        with pytest.raises(StartError, match="has no schema"):
            async with program(f"{postgres.server_url}?options=-csearch_path%3Dnowhere"):
                pass

    run(test)


def test_a_claim_from_a_long_queue_reads_only_its_indexes(postgres: PostgresSchema) -> None:
    async def make() -> None:
        async with program(postgres.url):
            postgres.execute("ANALYZE runtime_message")  # while it is empty

    run(make)
    postgres.execute(
        "INSERT INTO runtime_message (id, queue, state, priority, place, published, body) "
        "SELECT n, 'tasks', 0, 0, n, 0, '1' FROM generate_series(1, 100000) n"
    )
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        for name, value in PINNED.items():
            connection.execute(f"SET {name} = {value}")
        statement = qualify(CLAIM, postgres.name).decode()
        connection.execute(f"PREPARE claim (text, bigint, bigint) AS {statement}")  # type: ignore[arg-type]
        rows = connection.execute("EXPLAIN EXECUTE claim ('tasks', 1, 50)").fetchall()
    plan = "\n".join(row[0] for row in rows)

    assert "Index Scan using runtime_message_ready" in plan
    assert "Index Scan using runtime_message_pkey" in plan
    for costly in "Seq Scan", "Sort", "Bitmap", "Hash", "Merge":
        assert costly not in plan, plan
