"""db.migrations in an application: before all that uses the database, once over its workers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import FREE_PORT, execute, write_files
from tests.support.blackbox import running as running_site
from tests.support.postgres_schema import PostgresSchema
from tests.support.program import running

MIGRATIONS = "- {name: migrations, kind: db.migrations, database: db}"
MANIFEST = """
    namespace: app
    entries:
      - {name: host, kind: process.host}
      - {name: seed, kind: process.python, source: file://seed.py}
      - name: seeding
        kind: process.service
        process: seed
        host: host
        type: oneshot
        lifecycle: {auto_start: true}
      - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
      - {name: router, kind: http.router, meta: {server: gateway}}
      - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: it}
      - {name: it, kind: function.python, source: file://it.py, modules: [sql]}
      - {name: db, kind: db.sql.sqlite, file: a.db}
      """
FILES = {
    "_index.yaml": MANIFEST + MIGRATIONS + "\n",
    "seed.py": """
        from importlib import import_module

        async def main():
            sql = import_module("runtime.modules.sql")  # which no syntax shows
            await sql.get("db").execute("INSERT INTO tasks VALUES (7)")
        """,
    "it.py": """
        from runtime.modules import sql

        async def main():
            return await sql.get("db").query("SELECT n FROM tasks ORDER BY n")
        """,
    "migrations/0001_tasks.sql": "CREATE TABLE tasks (n INTEGER PRIMARY KEY);",
    "migrations/0002_first.py": """
        from ..rows import FIRST

        async def migrate(tx):
            await tx.execute("INSERT INTO tasks VALUES (?)", (FIRST,))
        """,
    "migrations/0003_second.py": """
        from runtime.modules import logger

        def migrate(tx):
            tx.execute("INSERT INTO tasks VALUES (?)", (2,))
            logger.info("in a thread")
        """,
    "rows.py": "FIRST = 1\n",
}


def linked(folder: Path) -> LinkedManifest:
    return link(read(folder, environment={}), Registry())


def findings(folder: Path, entries: str = MIGRATIONS, **files: str) -> list[str]:
    db = "- {name: db, kind: db.sql.sqlite, file: a.db}"
    manifest = f"namespace: app\nentries:\n  {db}\n  {entries}\n"
    write_files(folder, {"_index.yaml": manifest, **files})
    try:
        found = linked(folder).notes
    except ManifestError as error:
        found = error.findings
    return [str(finding).replace(f"{folder}/", "") for finding in found]


def test_they_are_applied_before_everything_that_uses_the_database(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running_site(folder, FREE_PORT) as site:
        assert site.ask("GET", "/").json == [{"n": 1}, {"n": 2}, {"n": 7}]
        messages = site.program.messages
        assert [text.partition(" (")[0] for text in messages if "applied" in text] == [
            f"{name}: applied" for name in ("0001_tasks.sql", "0002_first.py", "0003_second.py")
        ]
        assert site.line("in a thread")["migration"] == "0003_second.py"
        assert site.stop() == 0


def test_the_next_start_applies_what_is_new(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running_site(folder, FREE_PORT):
        pass
    write_files(
        folder, {"migrations/0004_less.sql": "DELETE FROM tasks", "seed.py": "main = print"}
    )
    with running_site(folder, FREE_PORT) as site:
        assert site.ask("GET", "/").json == []
        assert len(site.lines("applied")) == 1


@pytest.mark.parametrize("name", ["0004_bad.sql", "0004_bad.py"])
def test_a_failure_ends_the_start_with_its_line(tmp_path: Path, name: str) -> None:
    text = (
        "SELECT 1;\nSELECT * FROM nowhere;" if name.endswith("sql") else "def migrate(tx):\n    1/0"
    )
    folder = write_files(tmp_path, {**FILES, f"migrations/{name}": text})
    with running(folder, "-o", FREE_PORT, ready=False) as program:
        assert program.wait() == 4
        (error,) = (text for text in program.messages if "could not start" in text)
        place = f"app:migrations could not start: {folder}/migrations/{name}:2: "
        assert error.startswith(place)
        assert error.endswith("; nothing of it was applied")
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        assert connection.execute("SELECT n FROM tasks").fetchall() == [(1,), (2,)]


def test_of_several_workers_the_first_applies_them(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running(folder, "-o", FREE_PORT, "--workers", "3") as program:
        assert {line["worker"] for line in program.log if "applied" in line["message"]} == {1}
        assert program.stop() == 0


def test_without_auto_start_they_wait_for_the_command(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {**FILES, "seed.py": "main = print"})
    manual = "app:migrations:lifecycle.auto_start=false"
    with running_site(folder, FREE_PORT, manual) as site:
        assert site.ask("GET", "/").status == 500
        done = execute("migrate", str(folder))
        assert (done.code, done.out.count("applied")) == (0, 3)
        assert site.ask("GET", "/").json == [{"n": 1}, {"n": 2}]


def test_a_selection_of_services_has_them_too(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running_site(folder, FREE_PORT, "--only", "gateway") as site:
        assert site.ask("GET", "/").json == [{"n": 1}, {"n": 2}]
    refused = execute("run", str(folder), "--except", "migrations")
    assert refused.code == 2
    assert "'app:migrations' is of kind db.migrations and always starts" in refused.err


def test_an_older_program_starts_on_a_newer_database(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running_site(folder, FREE_PORT):
        pass
    (folder / "migrations/0003_second.py").unlink()
    write_files(folder, {"seed.py": "main = print"})
    with running_site(folder, FREE_PORT) as site:
        line = site.line("newer than this program: it has had 0003_second.py")
        assert line["level"] == "warning"


def test_they_are_the_same_on_postgres(tmp_path: Path, postgres: PostgresSchema) -> None:
    folder = write_files(tmp_path, FILES)
    kind, dsn = "app:db:kind=db.sql.postgres", "app:db:dsn=${env:DATABASE_URL}"
    env = {"DATABASE_URL": postgres.url}
    with running_site(folder, FREE_PORT, kind, dsn, env=env) as site:
        assert site.ask("GET", "/").json == [{"n": 1}, {"n": 2}, {"n": 7}]
    assert len(postgres.execute("SELECT * FROM runtime_migrations")) == 3


def test_what_uses_the_database_in_its_code_needs_them(tmp_path: Path) -> None:
    needs = linked(write_files(tmp_path, FILES)).graph.needs

    assert EntryId("app", "migrations") in needs[EntryId("app", "it")]
    write_files(
        tmp_path,
        {"_index.yaml": MANIFEST + MIGRATIONS[:-1] + ", lifecycle: {auto_start: false}}\n"},
    )
    needs = linked(tmp_path).graph.needs
    assert EntryId("app", "migrations") not in needs[EntryId("app", "it")]


def test_a_folder_that_is_wrong_is_a_finding_and_an_empty_one_a_note(tmp_path: Path) -> None:
    place = "_index.yaml:4:5: "

    assert findings(tmp_path) == [
        f"{place}no folder 'migrations'; make it, with 0001_name.sql in it"
    ]
    assert findings(tmp_path, **{"migrations/README.md": ""}) == [
        f"{place}note: no migration in 'migrations' yet; write 0001_name.sql"
    ]
    assert findings(tmp_path, **{"migrations/1_a.sql": "x", "migrations/01_b.py": "x = 1"}) == [
        f"{place}'migrations/01_b.py' and '1_a.sql' have the same number; "
        "give one of them the next free number",
        f"{place}'migrations/01_b.py' has no function 'migrate'; write 'async def migrate(tx):'",
    ]


def test_python_outside_of_the_application_is_a_finding(tmp_path: Path) -> None:
    files = {"../other/1_a.py": "def migrate(tx): pass"}
    entry = "- {name: migrations, kind: db.migrations, database: db, directory: ../other}"
    (tmp_path / "app").mkdir()

    assert findings(tmp_path / "app", entry, **files) == [
        "_index.yaml:4:70: '../other/1_a.py' is no part of the application's folder; "
        "migrations in Python need a folder in it, without dots in its name"
    ]


def test_two_entries_cannot_keep_one_table(tmp_path: Path) -> None:
    write_files(tmp_path, {"migrations/1_a.sql": "SELECT 1"})
    two = f"{MIGRATIONS}\n  {MIGRATIONS.replace('migrations,', 'more,', 1)}"

    (found,) = findings(tmp_path, two)
    assert "the table 'runtime_migrations' is taken on 'app:db'; 'app:migrations' has it" in found


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_stop_breaks_off_a_migration_that_does_not_end(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    text = {
        "sqlite": "CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) "
        "SELECT count(*) FROM n;",
        "postgres": "SELECT pg_sleep(1000);",
    }[kind]
    folder = write_files(tmp_path, {**FILES, "migrations/0004_endless.sql": text})
    options = ["-o", FREE_PORT]
    if kind == "postgres":
        url = request.getfixturevalue("postgres").url
        options += ["-o", "app:db:kind=db.sql.postgres", "-o", f"app:db:dsn={url}"]
    with running(folder, *options, ready=False) as program:
        program.wait_for("app:migrations is not ready yet")
        assert program.stop() == 0
        assert "0004_endless.sql: applied" not in program.messages
