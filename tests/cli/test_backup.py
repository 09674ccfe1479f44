"""runtime backup and restore: a live database, and what was in flight."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import backup
from runtime.service import StartError
from tests.support.blackbox import Ended, execute, running, write_files

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: data/a.db}
          - {name: driver, kind: queue.driver.sql, database: db}
          - {name: tasks, kind: queue.queue, driver: driver}
          - {name: server, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: server}}
          - name: post
            kind: http.endpoint
            meta: {router: router}
            method: POST
            path: /
            func: file://tasks.py#post
          - name: worker
            kind: queue.consumer
            queue: tasks
            func: file://tasks.py#hang
            concurrency: 2
            lifecycle: {auto_start: true}
        """,
    "tasks.py": """
        import asyncio
        from runtime.modules import http, logger, queue

        async def post(request: http.Request):
            await queue.publish("app:tasks", 1)

        async def hang(task):
            logger.info("in hand")
            await asyncio.Event().wait()
        """,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "shop", FILES)


def messages(file: Path) -> list[tuple[int, int, int]]:
    """State, attempt and owner of each."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT state, attempt, owner FROM runtime_message")
        return sorted(rows.fetchall())


def restore(folder: Path, copy: Path, *options: str) -> Ended:
    return execute("restore", str(folder), str(copy), *options)


def test_what_is_in_flight_is_ready_in_a_copy_and_after_its_return(folder: Path) -> None:
    copy = folder / "copy.db"
    with running(folder) as site:
        for _ in range(3):
            site.ask("POST", "/")
        site.line("in hand")
        done = execute("backup", str(folder), str(copy))
        refused = restore(folder, copy, "--yes")
        site.program.kill()

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"copied app:db to {copy} (")
    assert messages(copy) == [(0, 0, None)] * 3
    assert (refused.code, refused.err) == (4, "'data/a.db' is in use; stop the application first\n")

    restored = restore(folder, copy, "--yes")

    assert (restored.code, restored.err) == (0, "")
    assert messages(folder / "data" / "a.db") == [(0, 0, None)] * 3
    with running(folder) as site:
        site.line("in hand")


def test_nothing_is_replaced_where_nobody_can_be_asked(folder: Path) -> None:
    copy = folder / "copy.db"
    copy.touch()
    ended = restore(folder, copy)

    assert ended.code == 2
    assert f"this would replace the database app:db by {copy}; nothing was done" in ended.err


def test_one_of_several_databases_is_chosen(folder: Path) -> None:
    entries = "  - {name: other, kind: db.sql.sqlite, file: data/b.db}\n"
    index = folder / "_index.yaml"
    index.write_text(index.read_text() + entries)

    said = execute("backup", str(folder), "copy.db").err
    assert "several databases: app:db, app:other; choose one by --database" in said
    said = execute("backup", str(folder), "copy.db", "--database", "app:othr").err
    assert "no database 'app:othr'; did you mean 'app:other'?" in said
    ended = execute("backup", str(folder), "copy.db", "--database", "app:other")
    assert ended.code == 4
    assert f"the database 'app:other' does not exist yet: there is no '{folder}/data/b.db'" in (
        ended.err
    )
    assert not (folder / "data").exists()


def test_a_copy_that_cannot_be_written_names_its_place(folder: Path, tmp_path: Path) -> None:
    with running(folder):
        ended = execute("backup", str(folder), str(tmp_path / "none" / "copy.db"))
    assert (ended.code, ended.err) == (4, f"there is no folder '{tmp_path / 'none'}'\n")

    with closing(sqlite3.connect(tmp_path / "small.db")) as small:
        small.execute("PRAGMA max_page_count = 2")
        with (
            pytest.raises(StartError, match=r"copy.db' cannot be written: the disk is full"),
            backup._errors("data/a.db", tmp_path / "copy.db"),
        ):
            small.execute("CREATE TABLE t AS SELECT zeroblob(100000) AS b")


def test_a_database_of_a_server_is_copied_by_its_tools(folder: Path) -> None:
    index = folder / "_index.yaml"
    sqlite = "kind: db.sql.sqlite, file: data/a.db"
    server = "kind: db.sql.postgres, dsn: postgresql://localhost/app"
    index.write_text(index.read_text().replace(sqlite, server))

    ended = execute("backup", str(folder), "copy.db")

    assert ended.code == 2
    assert "'app:db' is kept by its server, whose own tools copy it, such as pg_dump" in ended.err


def test_a_single_argument_is_the_file(folder: Path) -> None:
    execute("queue", "publish", "tasks", "1", cwd=folder)  # which makes the database
    made = execute("backup", "../a.db", cwd=folder)
    put_back = execute("restore", "--yes", "../a.db", cwd=folder)
    wrong = execute("backup", str(folder), cwd=folder)

    assert made.out.startswith("copied app:db to ../a.db ("), made.err
    assert put_back.out.startswith("restored app:db from ../a.db"), put_back.err
    assert (wrong.code, "is a directory" in wrong.err) == (2, True)


def test_a_database_is_named_by_its_name_alone_too(folder: Path, tmp_path: Path) -> None:
    execute("queue", "publish", "tasks", "1", "-C", str(folder))
    made = execute("backup", str(folder), str(tmp_path / "a.db"), "--database", "db")
    wrong = execute("backup", str(folder), str(tmp_path / "b.db"), "--database", "dbb")

    assert (made.code, made.err) == (0, "")
    assert "no database 'dbb'" in wrong.err
