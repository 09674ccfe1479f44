"""Tracing: the spans and events by which telemetry hears of a database."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.tracing import TracedDatabase
from runtime.telemetry import Telemetry
from tests.support.databases import ADD, database, run, tasks
from tests.support.recorder import Recorder, operations


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_a_database_that_nobody_listens_to_is_the_plain_one() -> None:
    assert type(database()) is Database
    assert type(database(telemetry=Telemetry(Recorder()))) is TracedDatabase


def test_each_statement_is_a_span_with_its_verb_and_no_value(
    recorder: Recorder, tmp_path: Path
) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db", telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            await db.execute(ADD, ("secret",))
            await db.query("-- all\nselect * from tasks")
            await db.query_one("WITH t AS (SELECT 1) DELETE FROM tasks RETURNING id")

    run(main())

    assert operations(recorder.spans) == ["INSERT", "SELECT", "DELETE"]
    assert {span.name for span in recorder.spans} == {"sql.statement"}
    assert {span.entry for span in recorder.spans} == {"app:db"}
    assert {span.attributes["db.system.name"] for span in recorder.spans} == {"sqlite"}
    assert all("secret" not in str(span) and "tasks (" not in str(span) for span in recorder.spans)


def test_a_statement_that_fails_has_its_error_in_the_span(recorder: Recorder) -> None:
    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            with pytest.raises(sqlite3.OperationalError):
                await db.query("SELECT nope FROM tasks")
            with pytest.raises(TypeError, match="the statement is of type bytes"):
                await db.query(b"SELECT 1")  # type: ignore[arg-type]

    run(main())

    assert [type(span.error) for span in recorder.spans] == [sqlite3.OperationalError, TypeError]


def test_the_statements_of_a_transaction_are_below_its_span(recorder: Recorder) -> None:
    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                await tx.query("SELECT 1")
                await tx.query_one("SELECT 2")

    run(main())

    (transaction,) = recorder.named("sql.transaction")
    statements = recorder.named("sql.statement")
    assert operations(statements) == ["INSERT", "SELECT", "SELECT"]
    assert {span.parent_id for span in statements} == {transaction.span_id}
    assert {span.trace_id for span in statements} == {transaction.trace_id}
    assert transaction.attributes == {"db.system.name": "sqlite"}
    assert transaction.error is None
    assert recorder.commits == [3]


def test_a_transaction_that_is_rolled_back_or_fails_to_commit_has_the_error(
    recorder: Recorder,
) -> None:
    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            await db.execute(
                "CREATE TABLE notes (task INTEGER REFERENCES tasks DEFERRABLE INITIALLY DEFERRED)"
            )
            recorder.clear()
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    1 / 0  # noqa: B018
            with pytest.raises(sqlite3.IntegrityError):
                async with db.transaction() as tx:
                    await tx.execute("INSERT INTO notes VALUES (99)")

    run(main())

    errors = [type(span.error) for span in recorder.named("sql.transaction")]
    assert errors == [ZeroDivisionError, sqlite3.IntegrityError]
    assert recorder.commits == []


def test_the_blocking_calls_have_the_same_spans(recorder: Recorder) -> None:
    def work(db: Database) -> None:
        db.blocking.execute(ADD, ("a",))
        db.blocking.query("SELECT 1")
        db.blocking.query_one("SELECT 1")
        with db.blocking.transaction() as tx:
            tx.execute(ADD, ("b",))
            tx.query("SELECT 1")
            tx.query_one("SELECT 1")

    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            await asyncio.to_thread(work, db)

    run(main())

    assert operations(recorder.named("sql.statement")) == ["INSERT", "SELECT", "SELECT"] * 2
    (transaction,) = recorder.named("sql.transaction")
    parents = [span.parent_id for span in recorder.named("sql.statement")]
    assert parents == [None] * 3 + [transaction.span_id] * 3


def test_the_blocking_side_of_a_transaction_has_no_second_span(recorder: Recorder) -> None:
    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            async with db.transaction() as tx:
                await asyncio.to_thread(tx.blocking.execute, ADD, ("a",))

    run(main())

    (transaction,) = recorder.named("sql.transaction")
    (statement,) = recorder.named("sql.statement")
    assert statement.parent_id == transaction.span_id


def test_a_commit_tells_how_many_statements_it_has(recorder: Recorder, tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db", telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            await db.execute(ADD, ("alone",))
            assert recorder.commits == [1]
            recorder.clear()
            await asyncio.gather(*(db.execute(ADD, (str(number),)) for number in range(50)))
            assert sum(recorder.commits) == 50
            recorder.clear()
            await db.batch(lambda connection, items: [None for _ in items], "item")
            assert recorder.commits == [1]
            recorder.clear()
            with pytest.raises(sqlite3.IntegrityError):
                await db.execute(ADD, ("alone",))
            await db.query("SELECT 1")

    run(main())

    assert recorder.commits == []


def test_a_read_in_memory_is_no_commit(recorder: Recorder) -> None:
    async def main() -> None:
        async with tasks(telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            await db.query("SELECT 1")

    run(main())

    assert recorder.commits == []


def test_many_rows_are_one_span_and_so_is_a_script(recorder: Recorder, tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db", telemetry=Telemetry(recorder)) as db:
            recorder.clear()
            await db.executemany(ADD, [("a",), ("b",)])
            await db.executescript("SELECT 1; SELECT 2; DELETE FROM tasks")
            await asyncio.to_thread(db.blocking.executemany, ADD, [("c",)])
            await asyncio.to_thread(db.blocking.executescript, "SELECT 1")
            async with db.transaction() as tx:
                await tx.executemany(ADD, [("d",)])
                await tx.executescript("SELECT 1")

    run(main())

    expected = ["INSERT", "SCRIPT"] * 3
    assert operations(recorder.named("sql.statement")) == expected
    assert recorder.commits == [2, 3, 1, 1, 2]
