"""The hand-written limits do the whole work, and each program is held against the right one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from benchmarks import ours, task
from benchmarks.limits import durable, programs
from benchmarks.limits.programs import limit_of
from benchmarks.subject import Subject, peers, running
from tests.support.blackbox import eventually


@pytest.mark.parametrize(
    ("subject", "limit"),
    [
        (ours.MEMORY_WIDE, programs.MEMORY),
        (ours.DURABLE, programs.DURABLE),
        (ours.DURABLE_NORMAL, programs.DURABLE),
        (ours.DURABLE_BEFORE, programs.DURABLE),
        (ours.POST, programs.BARE),
        *((limit, limit) for limit in programs.PROGRAMS),
    ],
    ids=lambda subject: subject.title,
)
def test_a_program_is_held_against_the_limit_that_promises_as_much(
    subject: Subject, limit: Subject
) -> None:
    assert limit_of(subject) is limit


def test_a_peer_that_keeps_its_tasks_is_held_against_the_durable_limit() -> None:
    kept = [peer.title for peer in peers() if limit_of(peer) is programs.DURABLE]

    assert kept == ["FastAPI + Huey on SQLite"]


@pytest.mark.parametrize("limit", [programs.MEMORY, programs.DURABLE], ids=lambda each: each.title)
def test_a_program_by_hand_does_the_task_and_writes_its_row(limit: Subject) -> None:
    with running(limit) as program:
        accepted = [post(program.url) for _ in range(3)]
        rows = eventually(lambda: rows_of(program.file, len(accepted)))

    assert {reply["status"] for reply in accepted} == {"queued"}
    assert [row["id"] for row in rows] == [reply["id"] for reply in accepted]
    for row in rows:
        payload = json.loads(row["payload"])
        assert payload.pop("created_at") == row["created_at"] <= row["processed_at"]
        assert payload == {"id": row["id"], **json.loads(task.BODY)}
        assert json.loads(row["result"]) == {"output": "THE QUICK BROWN FOX JUMPS"}
        assert row["status"] == "completed"


def test_the_durable_program_works_on_what_an_earlier_run_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    created = task.new("uppercase", {"text": "late"})

    async def publish_and_die() -> None:
        with closing(task.connect(str(file))) as connection:
            await durable.TableQueue(connection).publish(created)

    async def work() -> list[sqlite3.Row]:
        with closing(task.connect(str(file))) as connection:
            working = asyncio.create_task(durable.TableQueue(connection).work())
            try:
                return await asyncio.to_thread(eventually, lambda: rows_of(file, 1))
            finally:
                working.cancel()

    asyncio.run(publish_and_die())
    assert rows_of(file, 1) == []
    (row,) = asyncio.run(work())

    assert row["id"] == created["id"]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (0,)


@pytest.mark.skipif(ours.DURABLE_BEFORE.missing() is not None, reason="a clone without history")
def test_the_program_of_before_loads_the_runtime_and_the_example_of_its_commit() -> None:
    def prepare(folder: Path) -> None:
        ours.seed_before(folder)
        for module in ("runtime/__init__.py", "src/process_task.py"):
            with (folder / module).open("a", encoding="utf-8") as file:
                file.write("\nimport pathlib\npathlib.Path(__file__ + '.loaded').touch()\n")

    with running(replace(ours.DURABLE_BEFORE, prepare=prepare)) as program:
        handler = (program.folder / "src" / "process_task.py").read_text(encoding="utf-8")
        post(program.url)
        (row,) = eventually(lambda: rows_of(program.file, 1))
        loaded = {path.name for path in program.folder.rglob("*.loaded")}

    assert loaded == {"__init__.py.loaded", "process_task.py.loaded"}
    assert "json.dumps" in handler
    assert "sleep(" not in handler
    assert row["status"] == "completed"


def test_a_commit_that_is_not_in_this_clone_is_a_reason() -> None:
    assert (
        replace(ours.DURABLE_BEFORE, commit="0" * 40).missing() == "no commit 0000000 in this clone"
    )


def post(url: str) -> Any:
    request = Request(url, task.BODY.encode(), method="POST")
    with urlopen(request, timeout=10) as response:
        assert response.status == 202
        return json.load(response)


def rows_of(file: Path, number: int) -> list[sqlite3.Row]:
    """The rows of the table, once there are so many."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM tasks ORDER BY rowid").fetchall()
    return rows if len(rows) >= number else []
