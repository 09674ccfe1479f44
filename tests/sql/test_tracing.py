"""Tracing on every kind of database: the same spans and events for the same calls."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.tracing import LONGEST_TEXT
from runtime.modules import sql
from runtime.telemetry import Telemetry, clear_current, current_span, span_time
from tests.support import databases, postgres_databases
from tests.support.databases import ADD, run
from tests.support.kept import Kept
from tests.support.recorder import Recorder, operations

Open = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(params=["sqlite", "postgresql"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tasks(system: str, request: pytest.FixtureRequest, recorder: Recorder, tmp_path: Path) -> Open:
    """Opens a database with an empty table `tasks` that the recorder listens to."""
    telemetry = Telemetry(recorder)
    if system == "sqlite":
        return lambda: databases.tasks(tmp_path / "tasks.db", telemetry=telemetry)
    schema = request.getfixturevalue("postgres")
    return lambda: postgres_databases.tasks(schema.url, telemetry=telemetry)


def test_each_statement_is_a_span_with_its_verb_and_no_value(
    tasks: Open, recorder: Recorder, system: str
) -> None:
    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            await db.execute(ADD, ("secret",))
            await db.query("-- all\nselect * from tasks")
            await db.query_one("DELETE FROM tasks RETURNING id")
            with pytest.raises(TypeError, match="the statement is of type bytes"):
                await db.query(b"SELECT 1")

    run(main())

    assert operations(recorder.spans[:3]) == ["INSERT", "SELECT", "DELETE"]
    assert {span.name for span in recorder.spans} == {"sql.statement"}
    assert {span.entry for span in recorder.spans} == {"app:db"}
    assert {span.attributes["db.system.name"] for span in recorder.spans} == {system}
    assert all("secret" not in str(span) and "tasks (" not in str(span) for span in recorder.spans)
    assert [type(span.error) for span in recorder.spans] == [type(None)] * 3 + [TypeError]


def test_the_statements_of_a_transaction_are_below_its_span(
    tasks: Open, recorder: Recorder
) -> None:
    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                await tx.query("SELECT 1")
                await tx.query_one("SELECT 1")
                await asyncio.to_thread(tx.blocking.execute, ADD, ("b",))

    run(main())

    (transaction,) = recorder.named("sql.transaction")
    statements = recorder.named("sql.statement")
    assert operations(statements) == ["INSERT", "SELECT", "SELECT", "INSERT"]
    assert {span.parent_id for span in statements} == {transaction.span_id}
    assert {span.trace_id for span in statements} == {transaction.trace_id}
    assert recorder.commits == [4]


def test_a_transaction_that_is_rolled_back_or_fails_to_commit_has_the_error(
    tasks: Open, recorder: Recorder
) -> None:
    async def main() -> None:
        async with tasks() as db:
            await db.execute(
                "CREATE TABLE notes (task INTEGER REFERENCES tasks DEFERRABLE INITIALLY DEFERRED)"
            )
            recorder.clear()
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    1 / 0  # noqa: B018
            with pytest.raises(sql.IntegrityError):
                async with db.transaction() as tx:
                    await tx.execute("INSERT INTO notes VALUES (99)")

    run(main())

    rolled_back, failed = (span.error for span in recorder.named("sql.transaction"))
    assert isinstance(rolled_back, ZeroDivisionError)
    assert isinstance(failed, sql.IntegrityError)
    assert recorder.commits == []


def test_the_blocking_calls_have_the_same_spans(tasks: Open, recorder: Recorder) -> None:
    def work(db: Any) -> None:
        db.blocking.execute(ADD, ("a",))
        db.blocking.query("SELECT 1")
        with db.blocking.transaction() as tx:
            tx.execute(ADD, ("b",))
            tx.query_one("SELECT 1")

    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            await asyncio.to_thread(work, db)

    run(main())

    assert operations(recorder.named("sql.statement")) == ["INSERT", "SELECT"] * 2
    (transaction,) = recorder.named("sql.transaction")
    parents = [span.parent_id for span in recorder.named("sql.statement")]
    assert parents == [None] * 2 + [transaction.span_id] * 2
    assert recorder.commits == [1, 2]


def test_many_rows_are_one_span_and_so_is_a_script(tasks: Open, recorder: Recorder) -> None:
    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            await db.executemany(ADD, [("a",), ("b",)])
            await db.executescript("SELECT 1; SELECT 2; DELETE FROM tasks")
            await asyncio.to_thread(db.blocking.executemany, ADD, [("c",)])
            async with db.transaction() as tx:
                await tx.executemany(ADD, [("d",)])
                await tx.executescript("SELECT 1")

    run(main())

    expected = ["INSERT", "SCRIPT", "INSERT", "INSERT", "SCRIPT"]
    assert operations(recorder.named("sql.statement")) == expected
    assert recorder.commits == [2, 3, 1, 2]


def test_a_statement_that_fails_has_its_error_and_no_commit(
    tasks: Open, recorder: Recorder
) -> None:
    async def main() -> None:
        async with tasks() as db:
            await db.execute(ADD, ("a",))
            recorder.clear()
            with pytest.raises(sql.IntegrityError):
                await db.execute(ADD, ("a",))
            await db.query("SELECT 1")

    run(main())

    failed, read = recorder.spans
    assert (isinstance(failed.error, sql.IntegrityError), read.error) == (True, None)
    assert recorder.commits == []


@pytest.mark.parametrize("text", ["", "-- nothing", "SELECT '\ud800'"])
def test_what_is_no_statement_is_a_span_with_its_error(
    tasks: Open, recorder: Recorder, text: str
) -> None:
    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            with pytest.raises(ValueError, match="the statement"):
                await db.query(text)

    run(main())

    (span,) = recorder.spans
    assert (span.tracepoint.title, type(span.error)) == ("statement", ValueError)


def test_what_is_no_statement_is_found_in_a_trace_that_is_kept() -> None:
    kept = Kept()
    telemetry = Telemetry(sink=kept, sample=0.0)

    async def main() -> None:
        async with databases.tasks(telemetry=telemetry) as db:
            root = telemetry.tracepoint("http.request").root()
            with pytest.raises(ValueError, match="the statement is empty") as caught:
                await db.query("")
            root.fail(caught.value)

    run(main())

    (trace,) = kept.traces
    assert [type(span.error) for span in trace.spans] == [ValueError]


def test_the_commit_is_beside_the_other_events_of_its_transaction(
    tasks: Open, recorder: Recorder
) -> None:
    async def main() -> None:
        async with tasks() as db:
            recorder.clear()
            async with db.transaction() as tx:
                span = current_span()
                assert span is not None
                span.events = [(span_time(), "asked", {})]  # as code with OpenTelemetry does
                await tx.execute(ADD, ("a",))

    run(main())

    (transaction,) = recorder.named("sql.transaction")
    assert [name for _, name, _ in transaction.events or ()] == ["asked", "sql.commit"]


def test_a_trace_keeps_no_long_statement_until_it_ends(tmp_path: Path) -> None:
    telemetry = Telemetry(sink=(kept := Kept()), sample=0.0)
    values = ", ".join(f"('{n:0100}')" for n in range(1000))

    async def main() -> None:
        async with databases.tasks(tmp_path / "tasks.db", telemetry=telemetry) as db:
            root = telemetry.tracepoint("http.request").root()
            await db.execute(f"INSERT INTO tasks (name) VALUES {values}")
            with pytest.raises(sqlite3.OperationalError):
                await db.execute(f"INSERT INTO nowhere (name) VALUES {values}")
            assert root.steps is not None
            texts = [step[4] for step in root.steps]
            assert [len(text) for text in texts] == [LONGEST_TEXT] * 2
            root.mark_failed()
            root.end()
            clear_current()

    run(main())

    (root,) = kept.traces
    assert [span.tracepoint.title for span in root.spans] == ["INSERT tasks", "INSERT nowhere"]
