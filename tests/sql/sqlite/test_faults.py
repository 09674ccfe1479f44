"""Faults of the disk and of the file: told honestly, and over when the disk is well again."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.errors import FileLost, Uncertain
from runtime.service import Unavailable
from tests.support.blackbox import FREE_PORT, eventually, running, write_files
from tests.support.databases import ADD, TASKS, names, run, serving, tasks

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


def integrity(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall()


OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t").fetchall()
connection.close()
"""


def test_a_full_disk_refuses_what_does_not_fit_and_takes_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        settings = Settings(file=str(tmp_path / "a.db"), label="a.db")
        async with serving(Database(settings)) as db:
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

            told = "the disk failed (disk I/O error), and whether the change is kept is not known"
            assert {str(error) for error in (*together, alone)} == {f"{told}; in '{ADD}'"}
            assert {type(error) for error in (*together, alone)} == {Uncertain}
            await db.execute(ADD, ("after",))
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                await db.execute("INSERT INTO of_this_connection VALUES (1)")

    run(main())

    assert names(tmp_path / "a.db") == ["after"]
    assert integrity(tmp_path / "a.db") == [("ok",)]
    logged = [record.message for record in caplog.records if record.name == "runtime.sqlite"]
    assert logged == ["'tasks.db' takes nothing for now: disk I/O error", "'tasks.db' works again"]


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


APPLICATION = {
    "_index.yaml": """
        namespace: app
        entries:
          - name: db
            kind: db.sql.sqlite
            file: a.db
            lifecycle: {auto_start: true, restart: {initial_delay: 50ms, max_delay: 50ms}}
          - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /,
             func: add}
          - {name: add, kind: function.python, source: file://add.py, modules: [sql]}
        """,
    "add.py": """
        from runtime.modules import sql

        async def main(request):
            db = sql.get("db")
            await db.execute("CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, name)")
            name = (await request.body()).decode()
            await db.execute("INSERT INTO tasks (name) VALUES (?)", [name])
        """,
}


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


@pytest.mark.parametrize("how", ["deleted or moved", "replaced"])
def test_a_file_that_is_lost_fails_the_run_and_is_not_begun_anew(tmp_path: Path, how: str) -> None:
    file, kept = tmp_path / "a.db", tmp_path / "kept.db"

    async def main() -> None:
        db = Database(Settings(file=str(file), label="a.db"))
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
        db = Database(Settings(file=str(tmp_path / "a.db"), label="a.db"))
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
    settings = Settings(file=str(file), label="a.db")

    async def main() -> None:
        async with serving(Database(settings)) as first:
            await first.execute("CREATE TABLE t (n)")
            async with serving(Database(settings)):
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
        line = site.line("'a.db' was deleted or moved while the program used it; put it back, or")
        (tmp_path / "b.db").rename(tmp_path / "a.db")
        eventually(lambda: site.ask("POST", "/", "again").status == 204)

        assert first == 204
        assert line["level"] == "error"
        assert site.stop() == 0
        assert "Traceback" not in site.program.stderr


def test_a_closed_database_is_503_to_a_client() -> None:
    assert (DatabaseClosed.http_status, FileLost.http_status, Uncertain.http_status) == (503,) * 3


def test_a_bare_connection_does_not_begin_a_lost_file_anew(tmp_path: Path) -> None:
    file = tmp_path / "what? a #name.db"
    db = Database(Settings(file=str(file), label="a.db"))
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


def test_a_journal_that_grew_is_cut_when_it_is_begun_anew(tmp_path: Path) -> None:
    async def main() -> None:
        settings = Settings(
            file=str(tmp_path / "a.db"), label="a.db", pragmas={"journal_size_limit": 100_000}
        )
        async with serving(Database(settings)) as db:
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
