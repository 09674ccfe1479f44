"""runtime migrate: the databases alone, what was applied, and what is to be."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.blackbox import Ended, execute, write_files

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: a.db}
          - {name: schema, kind: db.migrations, database: db, directory: sql}
          - {name: gateway, kind: http.service, addr: "1.2.3.4:80", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: it}
          - {name: it, kind: function.python, source: file://it.py}
        """,
    "it.py": "import nowhere\ndef main(): pass\n",
    "sql/0001_tasks.sql": "CREATE TABLE tasks (n INTEGER PRIMARY KEY);",
    "sql/0002_first.sql": "INSERT INTO tasks VALUES (1);",
}


def migrate(folder: Path, *options: str) -> Ended:
    return execute("migrate", str(folder), *options)


def states(folder: Path) -> dict[str, str]:
    rows = json.loads(migrate(folder, "--status", "--json").out)
    return {row["name"]: row["state"] for row in rows}


def test_it_opens_the_databases_and_nothing_else(tmp_path: Path) -> None:
    done = migrate(write_files(tmp_path, FILES))

    assert (done.code, done.err) == (0, "")
    assert re.sub(r"\(.*\)", "()", done.out).splitlines() == [
        "app:schema  0001_tasks.sql  applied ()",
        "app:schema  0002_first.sql  applied ()",
    ]
    again = migrate(tmp_path)
    assert (again.code, again.out) == (0, "nothing to apply\n")


def test_the_status_changes_nothing_and_may_fail_a_pipeline(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    shown = migrate(folder, "--status")

    assert shown.code == 0
    assert [line.split()[1:] for line in shown.out.splitlines()] == [
        ["0001_tasks.sql", "pending"],
        ["0002_first.sql", "pending"],
    ]
    assert migrate(folder, "--status", "--exit-code").code == 7
    migrate(folder)
    done = migrate(folder, "--status", "--exit-code")
    assert done.code == 0
    assert re.search(r"0002_first.sql +applied +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$", done.out)


def test_a_failure_is_4_and_what_came_before_stays(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path, {**FILES, "sql/0002_first.sql": "\nINSERT INTO nowhere VALUES (1)"}
    )
    done = migrate(folder)

    assert done.code == 4
    assert "0001_tasks.sql  applied" in done.out
    assert re.match(
        r"app:schema: .*sql/0002_first\.sql:1: .*; nothing of it was applied$", done.err
    )
    assert states(folder) == {"0001_tasks.sql": "applied", "0002_first.sql": "pending"}


def test_a_changed_file_is_accepted_by_its_number(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    migrate(folder)
    write_files(folder, {"sql/0002_first.sql": "INSERT INTO tasks VALUES (2)"})

    refused = migrate(folder)
    assert refused.code == 4
    assert "write the change as another migration, or accept it" in refused.err
    assert states(folder)["0002_first.sql"] == "changed"
    accepted = migrate(folder, "--accept", "2")
    assert (accepted.code, accepted.out) == (0, "app:schema  0002_first.sql  accepted\n")
    assert states(folder)["0002_first.sql"] == "applied"


def test_what_was_done_is_told_as_json(tmp_path: Path) -> None:
    rows = json.loads(migrate(write_files(tmp_path, FILES), "--json").out)

    assert [(row["entry"], row["name"], row["state"]) for row in rows] == [
        ("app:schema", "0001_tasks.sql", "applied"),
        ("app:schema", "0002_first.sql", "applied"),
    ]
    assert json.loads(migrate(tmp_path, "--json").out) == []


def test_wrong_usage_is_2(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)

    assert migrate(folder, "--exit-code").code == 2
    assert migrate(folder, "--status", "--accept", "1").code == 2
    write_files(folder, {"_index.yaml": "namespace: app\nentries: []\n"})
    none = migrate(folder)
    assert (none.code, "no entry of kind db.migrations" in none.err) == (2, True)


def test_a_database_that_cannot_be_opened_is_4(tmp_path: Path) -> None:
    done = migrate(write_files(tmp_path, FILES), "-o", f"app:db:file={tmp_path}")

    assert done.code == 4
    assert done.err.startswith("app:db could not start: ")
