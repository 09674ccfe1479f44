"""Claims within limits: what they read, and what they leave to others."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runtime.engines.queue.limits import Limits
from runtime.engines.queue.message import Message
from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.sql.operations import Ack, Claim, Retry
from runtime.engines.queue.sql.postgres import limiting as postgres_limiting
from runtime.engines.queue.sql.postgres.columns import qualify
from runtime.engines.queue.sql.postgres.session import PINNED
from runtime.engines.queue.sql.sqlite import limiting, tables
from runtime.service import Unavailable
from tests.support import postgres_program
from tests.support.consuming import run
from tests.support.postgres_schema import PostgresSchema
from tests.support.store_conformance.suite import QUEUE, Program, a_message

ONE_OF_EACH = Limits(consumer="app:c", partitions=Partitions(by="body", per_key=1))
STATEMENTS = ("_HEAD", "_SLOTS", "_NEXT", "_ANY", "_GRANTS", "_FREE", "_READY")
POSTGRES = {
    "_SLOTS": "text",
    "_HEAD": "text, bigint, boolean",
    "_NEXT": "text, text, bigint",
    "_LET_IN": "text, bigint[]",
    "_UNPARK": "text",
    "_FREE": "text, text[], bigint[]",
    "_PARK": "text, bigint[], text[], smallint[], bigint[]",
    "_LOOK": "bigint, text",
}

program = partial(postgres_program.program, lease=10.0, heartbeat=3.0)
"""As long as by default: no program here loses its lease."""


async def claimed(program: Program) -> list[tuple[int, Message]]:
    store = program.store
    answer = await store.claim_limited(Claim(QUEUE, store.owner, 10, True, ONE_OF_EACH))
    return [*answer.messages]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_in_sqlite_reads_what_it_does_not_need(tmp_path: Path, name: str) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    tables.prepare(connection, "a")
    statement = getattr(limiting, name)
    values = ["x"] * statement.count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()

    assert plan
    for step in plan:
        assert step.startswith(("SEARCH", "CORRELATED SCALAR SUBQUERY")), plan


def test_no_statement_in_postgres_reads_what_it_does_not_need(postgres: PostgresSchema) -> None:
    async def make() -> None:
        async with program(postgres.url):
            postgres.execute("ANALYZE runtime_message")  # while it is empty

    run(make)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        for setting, value in PINNED.items():
            connection.execute(f"SET {setting} = {value}")
        for name, types in POSTGRES.items():
            statement = qualify(getattr(postgres_limiting, name), postgres.name).decode()
            connection.execute(f"PREPARE s{name} ({types}) AS {statement}")  # type: ignore[arg-type]
            nulls = ", ".join("NULL" for _ in types.split(", "))
            rows = connection.execute(f"EXPLAIN EXECUTE s{name} ({nulls})").fetchall()  # type: ignore[arg-type]
            plan = "\n".join(row[0] for row in rows)
            for costly in "Seq Scan", "Sort", "Bitmap", "Hash", "Merge":
                assert costly not in plan, plan


def test_tables_of_postgres_from_before_the_limits_are_migrated(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as old:
            await old.publish(a_message("1"), a_message("1"))
        postgres.execute("DROP TABLE runtime_rate, runtime_slot, runtime_parked, runtime_pause")
        for column in ("started", "error", "progress", "result", "cancelling", "expires"):
            postgres.execute(f"ALTER TABLE runtime_message DROP COLUMN {column}")
        postgres.execute("DROP INDEX runtime_message_id")
        postgres.execute("UPDATE runtime_version SET version = 1")
        async with program(postgres.url) as new:
            assert len(await claimed(new)) == 1

    run(test)


def test_a_program_that_stops_in_a_claim_delays_the_others_for_a_while_only(
    postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, forever = asyncio.Event(), asyncio.Event()

    async def stop(*_: object) -> None:
        seen.set()
        await forever.wait()

    async def test() -> None:
        async with program(postgres.url) as stopped, program(postgres.url) as other:
            await other.publish(a_message("1"), a_message("2"))
            monkeypatch.setattr(stopped.store._claiming._limiting, "_claim", stop)  # type: ignore[attr-defined]
            stopping = asyncio.create_task(claimed(stopped))
            await seen.wait()
            found: list[tuple[int, Message]] = []
            while not found:
                with suppress(Unavailable):  # it waited for the lock for too long
                    found = await claimed(other)
            forever.set()
            await asyncio.gather(stopping, return_exceptions=True)

            assert len(found) == 2

    run(test)


def test_a_message_that_is_retried_during_a_claim_is_still_behind_those_of_its_key(
    postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with program(postgres.url) as it:
            messages = [a_message("1"), a_message("1")]
            await it.publish(*messages)
            ((seq, first),) = await claimed(it)
            limiting: Any = it.store._claiming._limiting  # type: ignore[attr-defined]
            let_in = limiting._let_parked_in

            async def retry_after(*arguments: Any) -> Any:
                has_more = await let_in(*arguments)
                await it.store.settle(Retry(seq, first.token, 0.0))
                return has_more

            with monkeypatch.context() as patch:
                patch.setattr(limiting, "_let_parked_in", retry_after)
                assert not await claimed(it)
            ((seq, second),) = await claimed(it)
            await it.store.settle(Ack(seq, second.token))
            ((_, again),) = await claimed(it)

            ids = [message.id for message in (*messages, messages[0])]
            assert [first.id, second.id, again.id] == ids

    run(test)


def test_programs_take_turns_with_the_messages_of_one_key(postgres: PostgresSchema) -> None:
    async def test() -> None:
        async with program(postgres.url) as first, program(postgres.url) as second:
            await first.publish(*(a_message("1") for _ in range(3)))
            for holder, other in (first, second), (second, first), (first, second):
                ((seq, message),) = await claimed(holder)
                assert not await claimed(other)
                await holder.store.settle(Ack(seq, message.token))

    run(test)
