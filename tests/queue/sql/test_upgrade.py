"""A database file of an earlier revision, opened and worked off by this one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.sql.sqlite.tables import VERSION
from runtime.engines.queue.sql.store import State
from tests.queue.sql.fixtures.write_version_1 import FILE, HANDLERS, MANIFEST, NOT_YET
from tests.support.blackbox import Site, eventually, write_files
from tests.support.program import running

CONSUMERS = ("on_tasks", "on_strays", *NOT_YET)
IDLE = [
    option
    for consumer in CONSUMERS
    for option in ("-o", f"app:{consumer}:lifecycle.auto_start=false")
]
NUMBERS = ("ready", "delayed", "in_flight", "dead")
CUT_OFF = ("retried", "running")
"""Those whose first attempt was begun by the program that wrote the file."""
BY_PRIORITY = ("high", "plain", "keyed", "low")
"""The ready messages of the queue `later`, in the order in which they are delivered."""
DUE = "UPDATE runtime_message SET place = 0 WHERE state = 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The application that wrote the file, unchanged, with a copy of the file."""
    folder = write_files(tmp_path / "upgraded", {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    (folder / "data").mkdir()
    shutil.copy(FILE, folder / "data" / "a.db")
    return folder


def table(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "data" / "a.db", timeout=10)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def numbers(site: Site, queue: str) -> tuple[int, ...]:
    info = site.ask("GET", f"/{queue}").json
    return tuple(info[number] for number in NUMBERS)


def publish(site: Site, **message: Any) -> str:
    answer = site.ask("POST", "/", message)
    assert answer.status == 200, answer
    return str(answer.json["id"])


def ids(folder: Path) -> dict[str, str]:
    """The ids of the messages, by the name that each has in its body."""
    rows = table(folder, "SELECT id, body FROM runtime_message")
    return {json.loads(body)["n"]: id for id, body in rows}


def test_the_file_has_a_message_of_each_state(folder: Path) -> None:
    states = {State(state) for (state,) in table(folder, "SELECT state FROM runtime_message")}

    later = {State.PARKED, State.CANCELLED}
    assert states == {*State} - later
    assert table(folder, "SELECT version FROM runtime_version") == [(1,)]


def test_a_file_of_an_earlier_revision_opens_with_all_its_messages(folder: Path) -> None:
    known = ids(folder)

    with running(folder, *IDLE) as program:
        site = Site(program)
        eventually(lambda: numbers(site, "tasks") == (1, 1, 0, 1))
        assert numbers(site, "letters") == (1, 0, 0, 0)
        assert numbers(site, "later") == (4, 1, 0, 0)
        (dead,) = site.ask("GET", "/tasks").json["dead_letters"]
        assert dead["id"] == known["dead"]
        assert dead["body"] == {"n": "dead", "do": "reject"}
        assert dead["headers"]["x_dead_letter_reason"] == "rejected"
        assert (dead["reason"], dead["attempts"], dead["requeued"]) == ("rejected", 1, 0)
        (stray,) = site.ask("GET", "/strays").json["dead_letters"]
        assert (stray["id"], stray["reason"]) == (known["stray"], "rejected")
        assert numbers(site, "strays") == (0, 0, 0, 1)
        assert publish(site, id="later", body={}, unique="invoice-7") == known["keyed"]
        assert publish(site, id="later", body={}, unique="invoice-8") == known["delayed"]
        assert numbers(site, "later") == (4, 1, 0, 0)
        assert program.stop() == 0

    assert ids(folder) == known
    assert table(folder, "SELECT version FROM runtime_version") == [(VERSION,)]


def test_every_message_of_an_earlier_revision_is_handled_once(folder: Path) -> None:
    known = ids(folder)
    table(folder, DUE)

    with running(folder) as program:
        site = Site(program)
        eventually(lambda: len(table(folder, "SELECT 1 FROM handled")) == 9)
        assert numbers(site, "tasks") == (0, 0, 0, 1)
        assert publish(site, id="later", body={"n": "new"}, unique="invoice-7") != known["keyed"]
        eventually(lambda: len(table(folder, "SELECT 1 FROM handled")) == 10)
        assert program.stop() == 0
        assert "Traceback" not in program.stderr

    rows = table(folder, "SELECT id, attempt, body, headers FROM handled ORDER BY rowid")
    bodies = {id: json.loads(body) for id, _, body, _ in rows}
    attempts = {bodies[id]["n"]: attempt for id, attempt, _, _ in rows}
    headers = {bodies[id]["n"]: json.loads(text) for id, _, _, text in rows}
    assert attempts == {name: 2 if name in CUT_OFF else 1 for name in {*known, "new"} - {"dead"}}
    for name in known.keys() - {"dead"}:
        assert bodies[known[name]]["n"] == name
    assert [name for name in attempts if name in BY_PRIORITY] == [*BY_PRIORITY]
    assert bodies[known["plain"]] == {"n": "plain", "text": "žluťoučký"}
    assert headers["high"] == {"client": "curl"}
    assert headers["plain"] == {}
    assert headers["stray"]["x_original_queue"] == "app:strays"
    assert table(folder, "SELECT count(*) FROM runtime_message WHERE state < 3") == [(0,)]
    assert table(folder, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_of_a_newer_release_is_refused_and_left_untouched(folder: Path) -> None:
    table(folder, f"UPDATE runtime_version SET version = {VERSION + 1}")
    before = (folder / "data" / "a.db").read_bytes()

    with running(folder, ready=False) as program:
        assert program.wait() == 4
        assert f"are of version {VERSION + 1}" in program.stderr
        assert "run a newer manifest-runtime" in program.stderr

    assert (folder / "data" / "a.db").read_bytes() == before


def test_an_upgraded_file_has_the_tables_of_a_new_one(folder: Path, tmp_path: Path) -> None:
    new = write_files(tmp_path / "new", {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    for application in (folder, new):
        with running(application, *IDLE) as program:
            assert program.stop() == 0

    assert tables(folder) == tables(new), "raise VERSION, migrate, and keep a file of the old one"


def tables(folder: Path) -> dict[tuple[str, str], Any]:
    """The columns of our tables and the statements of our indexes, by type and name."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name LIKE 'runtime%'"
    return {
        (sort, name): sql if sort == "index" else table(folder, f"PRAGMA table_info({name})")
        for sort, name, sql in table(folder, query)
    }
