"""A file that is deleted, moved or replaced while the program uses it."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.errors import FileLost
from tests.support.blackbox import FREE_PORT, eventually, running, write_files
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

OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t").fetchall()
connection.close()
"""


@pytest.mark.parametrize("how", ["deleted or moved", "replaced"])
def test_a_file_that_is_lost_fails_the_run_and_is_not_begun_anew(tmp_path: Path, how: str) -> None:
    file, kept = tmp_path / "a.db", tmp_path / "kept.db"

    async def main() -> None:
        db = database(file, "a.db")
        with pytest.raises(FileLost, match=f"^'a.db' was {how} while the program used it; "):
            async with serving(db):
                await db.execute(TASKS)
                await db.execute(ADD, ("a",))
                file.rename(kept)
                if how == "replaced":
                    file.touch()
                with pytest.raises(FileLost, match=how):
                    for number in range(1_000_000):  # it is looked at every few milliseconds
                        await db.execute(ADD, (str(number),))
                with pytest.raises((FileLost, DatabaseClosed)):
                    await db.execute(ADD, ("late",))
        with pytest.raises(FileLost, match=how):
            async with serving(db):
                pass
        assert not file.exists() or file.stat().st_size == 0

        kept.rename(file)
        async with serving(db):
            await db.execute(ADD, ("b",))

    run(main())

    assert {"a", "b"} <= set(names(file))


def test_a_transaction_on_a_lost_file_is_not_told_to_be_committed(tmp_path: Path) -> None:
    async def main() -> None:
        db = database(tmp_path / "a.db", "a.db")
        with pytest.raises(FileLost):
            async with serving(db):
                await db.execute(TASKS)
                (tmp_path / "a.db").unlink()
                with pytest.raises(FileLost, match="deleted or moved while the program used it"):
                    for number in range(1_000_000):
                        async with db.transaction() as tx:
                            await tx.execute(ADD, (str(number),))

    run(main())


def test_to_open_a_file_again_drops_no_lock_of_another_connection(tmp_path: Path) -> None:
    """POSIX locks are the process's: to close any handle of a file drops them all."""
    file = tmp_path / "a.db"

    async def main() -> None:
        async with serving(database(file)) as first:
            await first.execute("CREATE TABLE t (n)")
            async with serving(database(file)):
                pass
            # Another program that is the last one to close would remove the journal.
            look = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN_AND_CLOSE, file)
            assert await look.wait() == 0
            assert (tmp_path / "a.db-wal").exists()
            await first.execute("INSERT INTO t VALUES (1)")
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT n FROM t").fetchall() == [(1,)]

    run(main())


def test_after_an_orderly_stop_a_deleted_file_is_begun_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:
            pass
        (tmp_path / "a.db").unlink()
        async with serving(db):
            await db.execute(TASKS)

    run(main())

    assert names(tmp_path / "a.db") == []


def test_a_program_says_which_file_it_lost_and_takes_it_back(tmp_path: Path) -> None:
    with running(write_files(tmp_path, APPLICATION), FREE_PORT) as site:
        first = site.ask("POST", "/", "first").status
        (tmp_path / "a.db").rename(tmp_path / "b.db")
        eventually(lambda: site.ask("POST", "/", "lost").status == 503)
        reason = "'a.db' was deleted or moved while the program used it; put it back, or"
        answer, line = site.line(f"answered with 503: {reason}"), site.line(f"failed: {reason}")
        (tmp_path / "b.db").rename(tmp_path / "a.db")
        eventually(lambda: site.ask("POST", "/", "again").status == 204)

        assert first == 204
        assert (answer["level"], line["level"]) == ("warning", "error")
        assert site.stop() == 0
        assert "Traceback" not in site.program.stderr


def test_a_bare_connection_does_not_begin_a_lost_file_anew(tmp_path: Path) -> None:
    file = tmp_path / "what? a #name.db"
    db = database(file, "a.db")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        db.connect()
    assert not file.exists()

    run(_once(db))
    with closing(db.connect()) as connection:
        connection.execute("CREATE TABLE t (n)")
    assert integrity(file) == [("ok",)]


async def _once(db: Database) -> None:
    async with serving(db):
        pass
