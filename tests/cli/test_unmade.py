"""Databases that nobody has made yet: commands that look make none, and those that write say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.blackbox import execute, write_files
from tests.support.operated import TASKS, Operated

LOOKS = [
    (("queue", "ls"), 0, "app:tasks  0"),
    (("queue", "peek", TASKS), 0, "no message of app:tasks is ready"),
    (("queue", "purge", TASKS), 2, ""),
    (("queue", "purge", TASKS, "--yes"), 0, "deleted 0 messages"),
    (("queue", "resume", TASKS), 0, "app:tasks is delivered again"),
    (("dead", "ls"), 0, "no dead letter"),
    (("dead", "show", TASKS, "nobody"), 2, ""),
    (("dead", "requeue", TASKS, "nobody"), 1, "requeued 0 dead letters"),
    (("dead", "drop", TASKS, "--all", "--yes"), 2, ""),
    (("task", "get", TASKS, "nobody"), 2, ""),
    (("task", "cancel", TASKS, "nobody"), 2, ""),
    (("cron", "ls"), 0, "never"),
    (("cron", "next", "nightly"), 0, ":30:00"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Operated:
    return Operated(tmp_path / "shop")


@pytest.mark.parametrize(("words", "code", "out"), LOOKS)
def test_who_looks_makes_no_file_and_is_told_once(
    shop: Operated, words: tuple[str, ...], code: int, out: str
) -> None:
    ended = shop.run(*words)

    told = f"the database 'app:db' does not exist yet: there is no '{shop.folder}/data/a.db'"
    assert ended.code == code
    assert out in ended.out
    assert ended.err.count(told) == 1
    assert not (shop.folder / "data").exists()


@pytest.mark.parametrize("words", [("queue", "ls"), ("queue", "peek", TASKS), ("dead", "ls")])
def test_the_json_of_nothing_is_json(shop: Operated, words: tuple[str, ...]) -> None:
    ended = shop.run(*words, "--json")
    found = json.loads(ended.out)

    assert [each["ready"] for each in found] == ([0] if words == ("queue", "ls") else [])
    assert "does not exist yet" in ended.err


@pytest.mark.parametrize(
    "words",
    [("queue", "publish", TASKS, "1"), ("queue", "pause", TASKS), ("cron", "fire", "nightly")],
)
def test_who_writes_is_told_of_the_file_that_this_makes(
    shop: Operated, words: tuple[str, ...]
) -> None:
    first, second = shop.run(*words), shop.run(*words)

    told = (
        f"made the database 'app:db' in '{shop.folder}/data/a.db', as nothing has run here before"
    )
    assert (first.code, first.err) == (0, f"{told}\n")
    assert (second.code, second.err) == (0, "")


@pytest.mark.parametrize(
    "options", [("--priority", "99999"), ("--unique", ""), ("--delay", "soon"), ("-H", "plain")]
)
def test_a_message_that_is_refused_makes_no_file(shop: Operated, options: tuple[str, ...]) -> None:
    ended = shop.run("queue", "publish", TASKS, "1", *options)

    assert (ended.code, ended.out) == (2, "")
    assert not (shop.folder / "data").exists()


def test_a_queue_that_there_is_not_makes_no_file(shop: Operated) -> None:
    ended = shop.run("queue", "publish", "tusks", "1")

    assert (ended.code, ended.err) == (2, f"Error: there is no queue 'tusks'; there is {TASKS}\n")
    assert not (shop.folder / "data").exists()


def test_only_the_database_that_is_written_to_is_made(shop: Operated) -> None:
    index = shop.folder / "_index.yaml"
    others = """
  - {name: archive, kind: db.sql.sqlite, file: data/b.db}
  - {name: archiver, kind: queue.driver.sql, database: archive}
  - {name: old, kind: queue.queue, driver: archiver}
"""
    index.write_text(index.read_text().rstrip() + others)
    shop.publish({})
    both, one = shop.run("queue", "ls"), shop.run("queue", "peek", TASKS)

    assert "app:old    0" in both.out
    assert "'app:archive' does not exist yet" in both.err
    assert one.err == ""
    assert not (shop.folder / "data" / "b.db").exists()


def test_a_backup_of_nothing_makes_no_file(shop: Operated) -> None:
    ended = execute("backup", str(shop.folder), str(shop.folder / "copy.db"))

    assert ended.code == 4
    assert f"there is no '{shop.folder}/data/a.db'" in ended.err
    assert not (shop.folder / "copy.db").exists()
    assert not (shop.folder / "data").exists()


def test_the_status_of_migrations_makes_no_file(tmp_path: Path) -> None:
    files = {
        "_index.yaml": """
            namespace: app
            entries:
              - {name: db, kind: db.sql.sqlite, file: data/a.db}
              - {name: schema, kind: db.migrations, database: db, directory: sql}
            """,
        "sql/0001_tasks.sql": "CREATE TABLE tasks (n INTEGER PRIMARY KEY);",
    }
    folder = write_files(tmp_path / "shop", files)
    ended = execute("migrate", "--status", "--json", str(folder))

    assert [row["state"] for row in json.loads(ended.out)] == ["pending"]
    assert (
        f"the database 'app:db' does not exist yet: there is no '{folder}/data/a.db'" in ended.err
    )
    assert not (folder / "data").exists()
