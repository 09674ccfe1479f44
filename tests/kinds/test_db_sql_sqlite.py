"""db.sql.sqlite: opening the file, in all the ways that it can be wrong."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.sqlite.database import Database
from runtime.engines.sql.sqlite.tracing import TracedDatabase
from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.handlers.context import ApplicationContext
from runtime.kind import BuildContext, StartError, Unavailable
from runtime.kinds.db.sql.sqlite import Config, kind
from runtime.schema.schema import kind_schema
from runtime.telemetry import OFF, Listener, Telemetry
from tests.support.databases import run, serving


class NoHandlers:
    def load(self, *arguments: Any) -> Any:
        raise AssertionError("a database loads no handler")


def database(
    folder: Path, file: str = "tasks.db", telemetry: Telemetry = OFF, **options: Any
) -> Database:
    """Build the database of an entry, with the schema's defaults."""
    entry = {"name": "db", "kind": "db.sql.sqlite", "file": file, **options}
    assert kind_schema("db.sql.sqlite").problems(entry) == []
    filled = kind_schema("db.sql.sqlite").field.fill(entry, str)
    config = Config(**{name: filled[name] for name in Config.__slots__})
    context = BuildContext(
        id=EntryId("app", "db"),
        scope=ApplicationContext(),
        handlers=NoHandlers(),
        folder=folder,
        manifest_folder=folder,
        position=lambda *path: Position("_index.yaml", 1, 1),
        telemetry=telemetry,
    )
    built: Database = kind.build(config, context)
    return built


async def open_once(db: Database) -> None:
    async with serving(db):
        await db.query("SELECT 1")


def test_it_makes_the_file_and_its_folders_and_shows_the_path_as_written(tmp_path: Path) -> None:
    shown: list[str] = []
    stop = asyncio.Event()
    stop.set()
    run(database(tmp_path, "./new/deep/tasks.db").run(lambda where="": shown.append(where), stop))

    assert shown == ["./new/deep/tasks.db"]
    assert (tmp_path / "new" / "deep" / "tasks.db").is_file()


def test_it_is_traced_only_if_somebody_listens(tmp_path: Path) -> None:
    class Ignored(Listener):
        """Hears nothing, for the database does not run."""

    assert type(database(tmp_path)) is Database
    assert type(database(tmp_path, telemetry=Telemetry(Ignored()))) is TracedDatabase


def test_the_defaults_are_those_that_an_experienced_hand_would_set(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        async with serving(database(tmp_path)) as db:
            return await pragmas(db, "journal_mode", "synchronous", "foreign_keys")

    assert run(main()) == ["wal", 1, 1]


def test_pragmas_of_the_manifest_are_merged_into_the_defaults(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        options = {"synchronous": "FULL", "foreign_keys": "off", "cache_size": -500}
        db = database(tmp_path, pragmas=options)
        async with serving(db):
            return await pragmas(db, "journal_mode", *options)

    assert run(main()) == ["wal", 2, 0, -500]


async def pragmas(db: Database, *names: str) -> list[Any]:
    rows = [await db.query_one(f"PRAGMA {name}") for name in names]
    return [next(iter(row.values())) for row in rows if row]


def test_a_page_size_counts_for_a_new_file(tmp_path: Path) -> None:
    run(open_once(database(tmp_path, pragmas={"page_size": 8192, "auto_vacuum": "FULL"})))

    with closing(sqlite3.connect(tmp_path / "tasks.db")) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (8192,)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (1,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_without_wal_reads_and_writes_work_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path, pragmas={"journal_mode": "DELETE"})) as db:
            await db.execute("CREATE TABLE t (n)")
            for n in range(20):
                await db.execute("INSERT INTO t VALUES (?)", (n,))
                assert await db.query_one("SELECT count(*) AS n FROM t") == {"n": n + 1}

    run(main())

    assert [path.name for path in tmp_path.iterdir()] == ["tasks.db"]


def test_a_reading_connection_cannot_write(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path)) as db:
            rows = await db.query("SELECT * FROM pragma_query_only")

            assert rows == [{"query_only": 1}]

    run(main())


def test_foreign_keys_are_enforced(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path)) as db:
            await db.execute("CREATE TABLE a (id INTEGER PRIMARY KEY)")
            await db.execute("CREATE TABLE b (a INTEGER REFERENCES a)")
            with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"):
                await db.execute("INSERT INTO b VALUES (1)")

    run(main())


@pytest.mark.parametrize("content", [b"hello, this is no database\n" * 100, os.urandom(8192), b"x"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "tasks.db"
    file.write_bytes(content)
    with pytest.raises(StartError, match=r"^'tasks\.db' is not an SQLite database; it was left"):
        run(open_once(database(tmp_path)))

    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_damaged_database_is_refused_with_what_sqlite_says(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (n)")
    content = bytearray(file.read_bytes())
    content[100:200] = b"\xff" * 100
    file.write_bytes(content)

    with pytest.raises(StartError, match=r"^'tasks\.db' is damaged"):
        run(open_once(database(tmp_path)))


@pytest.mark.parametrize("length", [50, 100, 4096, 5000, 8191])
def test_a_truncated_database_is_refused_and_left_alone(tmp_path: Path, length: int) -> None:
    file = tmp_path / "tasks.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (n)")
    content = file.read_bytes()[:length]
    file.write_bytes(content)

    with pytest.raises(StartError, match=r"^'tasks\.db' is damaged"):
        run(open_once(database(tmp_path)))
    assert file.read_bytes() == content


def test_what_a_crash_left_in_the_journal_is_recovered(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "live.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (n)")
        for end in ("", "-wal"):  # what a kill would leave: the connection was not closed
            content = (tmp_path / f"live.db{end}").read_bytes()
            (tmp_path / f"tasks.db{end}").write_bytes(content)

    async def main() -> None:
        async with serving(database(tmp_path)) as db:
            assert await db.query("SELECT * FROM t") == []

    run(main())


def test_an_empty_file_beside_a_journal_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tasks.db").touch()
    (tmp_path / "tasks.db-wal").write_bytes(b"what SQLite would delete")
    with pytest.raises(StartError, match=r"^'tasks\.db' is empty, but its journal is not; both"):
        run(open_once(database(tmp_path)))

    assert (tmp_path / "tasks.db-wal").read_bytes() == b"what SQLite would delete"


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "tasks.db").touch()
    run(open_once(database(tmp_path)))

    assert (tmp_path / "tasks.db").read_bytes().startswith(b"SQLite format 3")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()

    for name, message in [
        ("folder", "'folder' is a folder, not a database file"),
        ("pipe", "'pipe' is no regular file"),
        ("file/tasks.db", "cannot make the folder of 'file/tasks.db': "),
        ("a\0b", r"'a\x00b' is no path; it has a NUL in it"),
    ]:
        with pytest.raises(StartError) as caught:
            run(open_once(database(tmp_path, name)))
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("path", "mode", "message"),
    [
        ("tasks.db", 0o444, "'tasks.db' is read-only; the database must be writable"),
        ("tasks.db", 0o200, "no permission to read 'tasks.db'"),
        (".", 0o555, "the folder of 'tasks.db' is read-only"),
    ],
)
def test_missing_permissions_are_told_apart(
    tmp_path: Path, path: str, mode: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks.db").touch()
    changed = (tmp_path / path).resolve()

    def as_an_ordinary_user(asked: str | os.PathLike[str], wanted: int) -> bool:
        """What `os.access` tells the owner of the file; root, as tests often are, may do all."""
        granted = mode >> 6 if Path(asked).resolve() == changed else 7
        return granted & wanted == wanted

    monkeypatch.setattr("runtime.engines.sql.sqlite.file.os.access", as_an_ordinary_user)

    with pytest.raises(StartError) as caught:
        run(open_once(database(tmp_path)))
    assert str(caught.value).startswith(message)


def test_a_locked_file_is_only_not_there_yet(tmp_path: Path) -> None:
    async def main() -> None:
        await open_once(database(tmp_path))
        other = sqlite3.connect(tmp_path / "tasks.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        db = database(tmp_path, busy_timeout="20ms")
        with pytest.raises(Unavailable, match=r"^'tasks\.db' is locked by another program$"):
            await open_once(db)
        other.execute("COMMIT")
        other.close()
        await open_once(db)

    run(main())


def test_in_memory_all_share_one_connection(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(database(tmp_path, ":memory:")) as db:
            await db.execute("CREATE TEMP TABLE t (n)")
            await asyncio.gather(*(db.execute("INSERT INTO t VALUES (?)", (n,)) for n in range(9)))

            assert await db.query_one("SELECT count(*) AS n FROM t") == {"n": 9}

    run(main())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"file": ""},
        {"file": "a.db", "pragmas": {"journal_mode": "OFF"}},
        {"file": "a.db", "pragmas": {"synchronous": "NORMAL; DROP TABLE t"}},
        {"file": "a.db", "pragmas": {"synchronus": "FULL"}},
        {"file": "a.db", "pragmas": {"query_only": True}},
        {"file": "a.db", "busy_timeout": 5},
        {"file": "a.db", "pool": {"max_open": 1}},
    ],
)
def test_the_schema_refuses_what_sqlite_would_ignore_or_obey(wrong: dict[str, Any]) -> None:
    entry = {"name": "db", "kind": "db.sql.sqlite", **wrong}

    assert len(kind_schema("db.sql.sqlite").problems(entry)) == 1
