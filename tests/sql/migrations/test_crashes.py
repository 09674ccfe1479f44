"""Programs that migrate one database: killed in the middle, and several at once."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.blackbox import Ended, execute, write_files

pytestmark = pytest.mark.slow

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: a.db}
          - {name: migrations, kind: db.migrations, database: db}
        """,
    "migrations/1_tasks.sql": "CREATE TABLE tasks (n INTEGER);",
    "migrations/2_first.sql": "INSERT INTO tasks VALUES (1);\nINSERT INTO tasks VALUES (2);",
    "migrations/3_second.py": """
        async def migrate(tx):
            await tx.execute("INSERT INTO tasks VALUES (?)", (3,))
        """,
    "migrations/4_last.sql": "INSERT INTO tasks SELECT sum(n) FROM tasks;",
}
COUNT = """
    async def migrate(tx):
        rows = await tx.query("SELECT n FROM tasks ORDER BY n")
        raise ValueError([row["n"] for row in rows])
    """
"""Tells the rows by its error, and leaves nothing."""


class Application:
    """An application of migrations alone, on one database."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.folder = write_files(folder, FILES)
        self.options = options

    def migrate(self, *options: str, fault: str = "") -> Ended:
        env = {"RUNTIME_TESTING": "1", "RUNTIME_FAULT": fault} if fault else {}
        return execute(
            "migrate", str(self.folder), *self.options, *options, env={**os.environ, **env}
        )

    def states(self) -> list[str]:
        rows = json.loads(self.migrate("--status", "--json").out)
        return [row["state"] for row in rows]

    def rows(self) -> str:
        write_files(self.folder, {"migrations/9_count.py": COUNT})
        return (
            self.migrate()
            .err.splitlines()[-1]
            .partition("ValueError: ")[2]
            .partition(";")[0]
            .strip()
        )


@pytest.fixture(params=["sqlite", "postgres"])
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Application:
    if request.param == "sqlite":
        return Application(tmp_path, [])
    url = request.getfixturevalue("postgres").url
    kind, dsn = "app:db:kind=db.sql.postgres", f"app:db:dsn={url}"
    return Application(tmp_path, ["-o", kind, "-o", dsn])


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        ("migrations.apply.before_commit", 0),
        ("migrations.apply.after_commit", 1),
        ("migrations.apply.before_commit:2", 1),
        ("migrations.apply.before_commit:3", 2),
        ("migrations.apply.after_commit:3", 3),
    ],
)
def test_the_next_start_goes_on_where_a_crash_broke_off(
    application: Application, fault: str, applied: int
) -> None:
    assert application.migrate(fault=fault).code == 9
    assert application.states() == ["applied"] * applied + ["pending"] * (4 - applied)

    assert application.migrate().code == 0
    assert application.rows() == "[1, 2, 3, 6]"


def test_a_crash_outside_of_a_transaction_runs_the_file_again(application: Application) -> None:
    again = "-- runtime: no transaction\nDROP TABLE IF EXISTS t;\nCREATE TABLE t (n INTEGER);"
    write_files(application.folder, {"migrations/5_again.sql": again})

    assert application.migrate(fault="migrations.apply.before_commit:5").code == 9
    assert application.states()[-1] == "pending"
    assert application.migrate().code == 0


def test_programs_that_start_at_once_apply_each_once(application: Application) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: application.migrate(), range(3)))

    assert [each.code for each in done] == [0, 0, 0]
    applied = sorted(
        line.split()[1] for each in done for line in each.out.splitlines() if "ms" in line
    )
    assert applied == ["1_tasks.sql", "2_first.sql", "3_second.py", "4_last.sql"]
    assert application.rows() == "[1, 2, 3, 6]"
