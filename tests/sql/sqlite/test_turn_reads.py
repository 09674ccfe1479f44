"""The turn of the event loop: queries of few rows are run at its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.read_queue import ROWS
from tests.support.databases import ADD, SLOW, run, tasks

pytestmark = pytest.mark.usefixtures("unhurried")
LOOP = threading.get_ident()


@asynccontextmanager
async def watched(file: Path, rows: int, **options: Any) -> AsyncIterator[tuple[Database, Any]]:
    """A database with so many tasks, and the queries that the loop handed to its threads."""
    async with tasks(file, **options) as db:
        await db.executemany(ADD, [(str(number),) for number in range(rows)])
        engine = db._engine
        assert engine is not None
        assert engine.read_queue is not None
        handed: list[str] = []
        put = engine.read_queue.put

        def watching(request: Any) -> None:
            handed.append(request.text)
            put(request)

        engine.read_queue.put = watching  # type: ignore[method-assign]
        yield db, handed


def test_a_query_of_few_rows_is_answered_by_the_loop(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", ROWS) as (db, handed):
            rows = await db.query("SELECT name FROM tasks ORDER BY id")
            row = await db.query_one("SELECT count(*) AS n, NULL AS missing FROM tasks")

            assert rows == [{"name": str(number)} for number in range(ROWS)]
            assert row == {"n": ROWS, "missing": None}
            assert handed == []

    run(main())


@pytest.mark.parametrize(
    ("text", "parameters"), [("SELECT name FROM tasks", ()), (SLOW, (300_000,))]
)
def test_many_rows_and_long_queries_are_the_threads(
    tmp_path: Path, text: str, parameters: tuple[Any, ...]
) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", ROWS + 1) as (db, handed):
            first = await db.query(text, parameters)

            assert handed == [text]
            for _ in range(2):
                assert await db.query(text, parameters) == first
            assert len(first) == ROWS + 1 or first == [{"n": 300_000}]
            queue = db._engine.read_queue  # type: ignore[union-attr]
            assert queue is not None
            assert queue._slow.is_slow(text)

    run(main())


def test_a_query_of_one_row_is_answered_by_the_loop_however_many_there_are(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", ROWS * 2) as (db, handed):
            assert await db.query_one("SELECT name FROM tasks ORDER BY id") == {"name": "0"}
            assert handed == []

    run(main())


def test_without_a_log_a_query_could_wait_and_is_the_threads(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", 1, journal_mode="DELETE") as (db, handed):
            assert await db.query("SELECT name FROM tasks") == [{"name": "0"}]
            assert handed == ["SELECT name FROM tasks"]

    run(main())


def test_a_query_that_never_waits_lets_others_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", 1) as (db, _):
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.ensure_future(count())
            for _ in range(20):
                await db.query("SELECT name FROM tasks")
            counting.cancel()

            assert turns >= 20

    run(main())


def test_a_cancelled_query_is_not_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path / "a.db", 1) as (db, handed):
            calls = [asyncio.ensure_future(db.query("SELECT name FROM tasks")) for _ in range(2)]
            await asyncio.sleep(0)
            calls[0].cancel()

            assert await calls[1] == [{"name": "0"}]
            assert calls[0].cancelled()
            assert handed == []

    run(main())
