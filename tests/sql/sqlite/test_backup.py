"""Backups: one moment of a database, checked, and nothing half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import backup
from runtime.engines.sql.sqlite.database import Database
from runtime.service import StartError
from tests.support.databases import database

ROWS = 2_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "a.db"


@pytest.fixture
def db(file: Path) -> Database:
    return database(file)


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    """Another connection to the file, which has rows on many pages."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO numbers VALUES (?, ?)", ((n, "x" * 500) for n in range(ROWS))
        )
        connection.execute("COMMIT")
        yield connection


def ignore(done: int, pages: int) -> None:
    pass


def count(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT count(*) FROM numbers").fetchone()[0]
    assert isinstance(found, int)
    return found


def test_a_copy_is_one_moment_whatever_is_written_meanwhile(
    db: Database, writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_STEP", 10)
    reports = []

    def write(done: int, pages: int) -> None:
        reports.append((done, pages))
        writer.execute("DELETE FROM numbers WHERE n = ?", (len(reports),))

    db.back_up(tmp_path / "copy.db", write)

    assert count(tmp_path / "copy.db") == ROWS
    assert len(reports) > 10
    assert reports == sorted(reports)
    assert reports[-1][0] == reports[-1][1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "data"]


def test_a_copy_is_for_those_who_may_read_the_database(
    db: Database, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    db.back_up(tmp_path / "copy.db", ignore)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_never_overwritten(
    db: Database, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StartError, match=r"'.*copy\.db' is there already; nothing was written"):
        db.back_up(tmp_path / "copy.db", ignore)
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_of_a_damaged_database_there_is_no_copy(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    with file.open("r+b") as opened:
        opened.seek(50 * 4096)
        opened.write(b"\xff" * 4096)

    with pytest.raises(StartError, match=r"a\.db' is damaged: "):
        db.back_up(tmp_path / "copy.db", ignore)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_cannot_be_copied_is_said(db: Database, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"'app:db' does not exist yet: there is no '.*/a\.db'"):
        db.back_up(tmp_path / "copy.db", ignore)
    with pytest.raises(StartError, match="is in memory, and its content ends with its program"):
        database().back_up(tmp_path / "copy.db", ignore)


def test_a_backup_takes_the_place_of_a_file_that_is_kept(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    db.back_up(tmp_path / "copy.db", ignore)
    writer.execute("DELETE FROM numbers")
    writer.close()

    kept = db.restore(tmp_path / "copy.db", ignore)

    assert kept is not None
    assert (count(file), count(kept)) == (ROWS, 0)
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.db", kept.name]


def test_nothing_is_restored_below_a_program_that_has_it_open(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    db.back_up(tmp_path / "copy.db", ignore)
    writer.execute("DELETE FROM numbers")

    with pytest.raises(StartError, match=r"'tasks\.db' is in use; stop the application first"):
        db.restore(tmp_path / "copy.db", ignore)
    assert count(file) == 0


@pytest.mark.parametrize("content", [b"hello", b"", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_what_is_no_backup_changes_nothing(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path, content: bytes
) -> None:
    writer.close()
    (tmp_path / "copy.db").write_bytes(content)

    with pytest.raises(StartError, match=r"copy\.db"):
        db.restore(tmp_path / "copy.db", ignore)
    assert count(file) == ROWS


def test_a_damaged_database_can_be_replaced(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    db.back_up(tmp_path / "copy.db", ignore)
    writer.close()
    file.write_bytes(b"\xff" * 9_000)
    file.with_name("a.db-wal").write_bytes(b"also lost")

    kept = db.restore(tmp_path / "copy.db", ignore)

    assert count(file) == ROWS
    assert kept is not None
    assert kept.read_bytes() == b"\xff" * 9_000
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"also lost"


def test_a_database_is_restored_where_there_is_none(
    db: Database, file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    db.back_up(tmp_path / "copy.db", ignore)
    writer.close()
    file.unlink()

    assert db.restore(tmp_path / "copy.db", ignore) is None
    assert count(file) == ROWS


def test_a_database_is_no_backup_of_itself(
    db: Database, file: Path, writer: sqlite3.Connection
) -> None:
    with pytest.raises(StartError, match="is the database itself"):
        db.restore(file, ignore)
