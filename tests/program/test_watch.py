"""A watch: what counts as an edit, and what does not."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from runtime.program.watch import Watch
from tests.support.program import write_application

FILES = {"web.py": "A = 1\n", "parts/rules.py": "B = 1\n", "public/page.html": "<p>"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_application(tmp_path / "shop", "namespace: app\n", **FILES)


def edited(watch: Watch) -> bool:
    """True if there was an edit since the last time."""
    return [watch.poll() for _ in range(3)].count(True) > 0


@pytest.mark.parametrize("name", ["_index.yaml", *FILES])
def test_every_file_of_the_folder_counts(folder: Path, name: str) -> None:
    watch = Watch(folder)
    (folder / name).write_text("changed")
    assert edited(watch)
    assert not edited(watch)
    (folder / name).unlink()
    assert edited(watch)


def test_two_looks_have_to_agree(folder: Path) -> None:
    watch = Watch(folder)
    (folder / "web.py").write_text("A = ")
    assert not watch.poll()
    (folder / "web.py").write_text("A = 2\n")
    assert not watch.poll()
    assert watch.poll()


def test_an_edit_of_the_same_size_and_time_is_seen(folder: Path) -> None:
    watch, file = Watch(folder), folder / "web.py"
    before = file.stat()
    other = folder / "web.py~"
    other.write_text("A = 2\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(file)
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert edited(watch)


@pytest.mark.parametrize(
    "name",
    [
        ".web.py.swp",
        "web.py~",
        "#web.py#",
        ".#web.py",
        "4913",
        "web.py___jb_tmp___",
        "__pycache__/web.pyc",
        ".git/index",
        ".venv/lib/x.py",
        "data/app.db",
        "data/app.db-wal",
        "data/app.sqlite3-journal",
        "app.log",
        "app.log.1",
        "node_modules/x.js",
    ],
)
def test_what_nobody_edits_does_not_count(folder: Path, name: str) -> None:
    watch, file = Watch(folder), folder / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("1")
    assert not edited(watch)


def test_a_database_of_any_name_does_not_count(folder: Path) -> None:
    watch = Watch(folder)
    with sqlite3.connect(folder / "orders.data") as database:
        database.execute("CREATE TABLE t (n)")
    database.close()
    assert not edited(watch)


def test_the_environment_and_files_elsewhere_count(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "shop.env"
    watch = Watch(folder, [other])
    (folder / ".env").write_text("A=1\n")
    assert edited(watch)
    other.write_text("B=1\n")
    assert edited(watch)
    (tmp_path / "unrelated.py").write_text("")
    assert not edited(watch)


def test_many_files_are_looked_at_less_often(folder: Path) -> None:
    for number in range(4000):
        (folder / f"f{number}.py").touch()
    watch = Watch(folder)
    watch.poll()
    assert watch.interval > 0.1
