"""runtime shell: Python with the entries of an application at hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.blackbox import Ended, execute, write_files
from tests.support.commands import application, exec_in

NO_ABSENT = ("-o", "app:absent:file=b.db")


def shell(folder: Path, text: str, *options: str) -> Ended:
    return execute("shell", str(folder), *NO_ABSENT, *options, input=text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return application(tmp_path)


def test_a_script_has_the_modules_and_the_entries(folder: Path) -> None:
    exec_in(folder, "add-user", "ann", "--quiet")
    done = shell(
        folder,
        """
db = sql.get("db")
for row in await db.query("SELECT name FROM users"):
    print(row["name"])
await queue.publish("app:tasks", {"n": 1})
print((await queue.info("tasks")).ready)
""",
    )

    assert (done.code, done.out, done.err) == (0, "ann\n1\n", "")


def test_it_applies_no_migration_and_imports_no_handler(folder: Path) -> None:
    done = shell(folder, "print(await sql.get('db').query('SELECT * FROM users'))")

    assert done.code == 1
    assert "no such table: users" in done.err


def test_an_error_ends_a_script_with_its_line(folder: Path) -> None:
    done = shell(folder, "print(1)\nraise ValueError('bad luck')\nprint(2)")

    assert (done.code, done.out) == (1, "1\n")
    assert 'File "<stdin>", line 2' in done.err
    assert done.err.endswith("ValueError: bad luck\n")


def test_in_the_end_the_resources_stop_in_order_and_what_a_script_left_running_with_them(
    folder: Path,
) -> None:
    text = """
import asyncio, sys
async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        print("cancelled", flush=True)
left = asyncio.create_task(wait())
await queue.publish("app:tasks", {"n": 1})
"""
    done = shell(folder, text)

    with closing(sqlite3.connect(folder / "a.db")) as database:
        leases = database.execute("SELECT * FROM runtime_owner").fetchall()
    assert (done.code, done.out, done.err) == (0, "cancelled\n", "")
    assert leases == []


def test_a_script_may_choose_its_exit_code(folder: Path) -> None:
    assert shell(folder, "import sys\nsys.exit(7)").code == 7
    assert shell(folder, "import sys, asyncio\nawait asyncio.sleep(0)\nsys.exit(7)").code == 7


def test_a_resource_that_cannot_start_is_4(folder: Path) -> None:
    done = shell(folder, "print(1)", "-o", f"app:db:file={folder}")

    assert (done.code, done.out) == (4, "")
    assert "app:db could not start" in done.err


def test_an_application_without_resources_is_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"_index.yaml": "namespace: app\nentries: []\n"})
    done = execute("shell", str(folder), input="")

    assert (done.code, done.err) == (
        2,
        "Error: the application has no database, queue or resource\n",
    )
