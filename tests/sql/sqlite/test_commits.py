"""What a database notes of its commits: their sizes, and how long the first change waited."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from runtime.engines.sql.sqlite import busy_retry, managed_connection
from runtime.engines.sql.sqlite.commits import MOST, Commits
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.managed_connection import OnCommit
from tests.support.databases import ADD, TASKS, run, serving


def counted(file: Path, on_commit: OnCommit | None = None) -> Database:
    settings = Settings(
        file=str(file), label="a.db", name="app:db", busy_timeout=5.0, file_mode=0o600
    )
    return Database(settings, 3.0, on_commit, Commits())


def test_changes_that_share_a_commit_are_one_note(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(counted(tmp_path / "a.db")) as db:
            await db.execute(TASKS)
            db.commits.take()
            await asyncio.gather(*(db.execute(ADD, (str(number),)) for number in range(20)))
            sizes, waits = db.commits.take()
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                await tx.execute(ADD, ("b",))
            transaction = db.commits.take()

        assert sum(sizes) == 20
        assert len(sizes) < 20
        assert len(waits) == len(sizes)
        assert min(waits) >= 0
        assert transaction[0] == [2]

    run(main())


@pytest.mark.parametrize("changes", [1, 2])
def test_the_wait_for_the_lock_of_another_program_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    ahead, tried = [0.0], threading.Event()
    monkeypatch.setattr(managed_connection, "monotonic", lambda: monotonic() + ahead[0])
    monkeypatch.setattr(busy_retry, "sleep", lambda seconds: tried.set() or sleep(seconds))

    async def main() -> None:
        async with serving(counted(tmp_path / "a.db")) as db:
            await db.execute(TASKS)
            db.commits.take()
            with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                asked = [asyncio.create_task(db.execute(ADD, (str(n),))) for n in range(changes)]
                await asyncio.to_thread(tried.wait, 10)
                ahead[0] = 100.0
                other.execute("ROLLBACK")
                await asyncio.gather(*asked)
            sizes, waits = db.commits.take()

        assert sum(sizes) == changes
        assert max(waits) >= 100

    run(main())


def test_reads_are_no_commits(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(counted(tmp_path / "a.db")) as db:
            await db.execute(TASKS)
            db.commits.take()
            await db.query("SELECT * FROM tasks")
            assert db.commits.take() == ([], [])

    run(main())


def test_those_that_nobody_takes_are_bounded() -> None:
    commits = Commits()
    for _ in range(MOST + 5):
        commits.add((1, 0.0))

    assert len(commits.take()[0]) == MOST


def test_telemetry_and_counts_are_both_told(tmp_path: Path) -> None:
    told: list[int] = []

    async def main() -> None:
        async with serving(counted(tmp_path / "a.db", told.append)) as db:
            await db.execute(TASKS)
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))
                await tx.execute(ADD, ("b",))
            assert told == db.commits.take()[0] == [1, 2]

    run(main())


def test_the_journal_of_a_file_has_a_size(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(counted(tmp_path / "a.db")) as db:
            await db.execute(TASKS)
            size = db.journal
        assert size == 0 or size > 1000
        assert db.journal is None

    run(main())
