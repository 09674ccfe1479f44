"""Where commits wait for the disk, what nobody waits for shares one with what somebody does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite import deferring_queue
from runtime.telemetry import Telemetry
from tests.support import databases
from tests.support.databases import ADD, run
from tests.support.listening import Recorder


def add(connection: sqlite3.Connection, names: Sequence[str]) -> Sequence[Any]:
    connection.executemany(ADD, [(name,) for name in names])
    return names


def commits_of(recorder: Recorder) -> list[int]:
    return [event[3]["statements"] for event in recorder.events if event[0] == "sql.commit"]


def test_what_is_deferred_is_committed_with_the_next_statement_and_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferring_queue, "DELAY", 3600)
    file, recorder = tmp_path / "a.db", Recorder()

    async def main() -> None:
        telemetry = Telemetry(recorder)
        async with databases.tasks(file, synchronous="FULL", telemetry=telemetry) as database:
            recorder.events.clear()
            deferred = [database.batch_lazily(add, name) for name in ("a", "b")]
            urgent = database.batch(add, "c")
            assert await asyncio.gather(*deferred, urgent) == ["a", "b", "c"]
        assert commits_of(recorder) == [3]
        assert databases.names(file) == ["a", "b", "c"]

    run(main())


def test_what_is_deferred_is_committed_soon_if_nothing_else_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with databases.tasks(tmp_path / "a.db", synchronous="FULL") as database:
            deferred = [database.batch_lazily(add, name) for name in ("a", "b")]
            assert await asyncio.gather(*deferred) == ["a", "b"]

    run(main())


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_database_that_stops_commits_what_is_deferred_and_takes_no_more(
    synchronous: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferring_queue, "DELAY", 3600)
    file = tmp_path / "a.db"

    async def main() -> None:
        async with databases.tasks(file, synchronous=synchronous) as database:
            deferred = database.batch_lazily(add, "a")
        assert await deferred == "a"
        with pytest.raises(DatabaseClosed):
            database.batch_lazily(add, "b")
        assert databases.names(file) == ["a"]

    run(main())
