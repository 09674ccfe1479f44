"""Errors of the disk: reported honestly, and over when the disk works again."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed, Uncertain
from runtime.engines.sql.sqlite.errors import FileLost
from runtime.service import Unavailable
from tests.support.blackbox import FREE_PORT, running, write_files
from tests.support.databases import (
    ADD,
    APPLICATION,
    TASKS,
    database,
    integrity,
    names,
    run,
    serving,
    tasks,
)

LARGE = "x" * 100_000


@contextmanager
def failing_disk() -> Iterator[None]:
    """No file of this process can grow beyond its first pages: SQLite sees a failed write."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def test_a_full_disk_refuses_what_does_not_fit_and_takes_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path / "a.db", "a.db")) as db:
            await db.execute(TASKS)
            await db.execute("PRAGMA max_page_count = 20")  # to SQLite, the disk is full then
            calls = [db.execute(ADD, (name,)) for name in ("a", LARGE, "b", LARGE + "2", "c")]
            results = await asyncio.gather(*calls, return_exceptions=True)
            with pytest.raises(Unavailable, match=r"^the disk is full: database or disk is full"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("in vain",))
                    await tx.execute(ADD, (LARGE,))
            await db.execute("PRAGMA max_page_count = 2000")
            await db.execute(ADD, (LARGE,))

            refused = [str(result) for result in results if isinstance(result, Unavailable)]
            told = f"the disk is full: database or disk is full; in '{ADD}'"
            assert refused == [told, told]
        assert [name[:1] for name in names(tmp_path / "a.db")] == ["a", "b", "c", "x"]

    run(main())


def test_a_failed_commit_is_told_as_uncertain_and_the_next_work_has_a_new_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:
            await db.execute("CREATE TEMP TABLE of_this_connection (n)")
            with failing_disk():
                calls = [db.execute(ADD, (f"{n} {LARGE}",)) for n in range(5)]
                together = await asyncio.gather(*calls, return_exceptions=True)
                (alone,) = await asyncio.gather(db.execute(ADD, (LARGE,)), return_exceptions=True)
                with pytest.raises(Unavailable, match=r"^the disk failed"):
                    async with db.transaction() as tx:
                        await tx.execute(ADD, (LARGE,))

            told = "the disk failed (disk I/O error); the change may or may not have been saved"
            assert {str(error) for error in (*together, alone)} == {f"{told}; in '{ADD}'"}
            assert {type(error) for error in (*together, alone)} == {Uncertain}
            await db.execute(ADD, ("after",))
            assert db.rejecting == "the disk failed: disk I/O error"  # for a minute
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                await db.execute("INSERT INTO of_this_connection VALUES (1)")

    run(main())

    assert names(tmp_path / "a.db") == ["after"]
    assert integrity(tmp_path / "a.db") == [("ok",)]
    logged = [record.message for record in caplog.records if record.name == "runtime.sqlite"]
    assert logged == [
        "'tasks.db' is rejecting writes: disk I/O error",
        "'tasks.db' accepts writes again",
    ]


def test_parts_of_a_batch_hear_that_their_commit_is_uncertain(tmp_path: Path) -> None:
    def work(connection: sqlite3.Connection, items: Any) -> list[None]:
        connection.executemany(ADD, [(item,) for item in items])
        return [None for _ in items]

    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:
            with failing_disk():
                parts = [db.batch(work, f"{n} {LARGE}") for n in range(4)]
                errors = await asyncio.gather(*parts, return_exceptions=True)
            await db.batch(work, "after")

            assert {type(error) for error in errors} == {Uncertain}

    run(main())

    assert names(tmp_path / "a.db") == ["after"]


def test_a_program_goes_on_when_its_disk_is_well_again(tmp_path: Path) -> None:
    with running(write_files(tmp_path, APPLICATION), FREE_PORT) as site:

        def post(name: str) -> int:
            return site.ask("POST", "/", name).status

        before = post("before")
        well = resource.prlimit(site.program.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(site.program.pid, resource.RLIMIT_FSIZE, (60_000, well[1]))
        asked = [(f"{n} {LARGE}", post(f"{n} {LARGE}")) for n in range(5)]
        resource.prlimit(site.program.pid, resource.RLIMIT_FSIZE, well)
        after = post("after")

        assert (before, after) == (204, 204)
        assert {status for _, status in asked} == {503}
        assert site.stop() == 0
        assert not site.lines("is started again")
        assert "Traceback" not in site.program.stderr
    assert {"before", "after"} <= set(names(tmp_path / "a.db"))
    assert integrity(tmp_path / "a.db") == [("ok",)]


def test_a_closed_database_is_503_to_a_client() -> None:
    assert (DatabaseClosed.http_status, FileLost.http_status, Uncertain.http_status) == (503,) * 3


def test_a_journal_that_grew_is_cut_when_it_is_begun_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path / "a.db", journal_size_limit=100_000)) as db:
            await db.execute(TASKS)
            with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM tasks").fetchall()
                for number in range(60):  # more than a checkpoint's worth
                    await db.execute(ADD, (f"{number} {LARGE}",))
                grown = journal.stat().st_size
            for number in range(2):  # the first one empties the journal, the second begins it
                await db.execute(ADD, (str(number),))

            assert grown > 5_000_000
            assert journal.stat().st_size <= 100_000

    journal = tmp_path / "a.db-wal"
    run(main())
