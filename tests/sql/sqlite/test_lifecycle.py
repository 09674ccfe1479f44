"""The life of a database: starting, stopping, and starting again."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.database import Database
from runtime.service import StartError
from tests.support.databases import ADD, ENDLESS, LIMIT, SLOW, database, names, run, serving, tasks


async def refusal(db: Database) -> str:
    """The error of a call, which is the same for all of them."""
    with pytest.raises(DatabaseClosed) as caught:
        await db.query("SELECT 1")
    with pytest.raises(DatabaseClosed, match=f"^{re.escape(str(caught.value))}$"):
        async with db.transaction():
            pass
    return str(caught.value)


def test_calls_fail_while_the_database_does_not_run_and_say_why(tmp_path: Path) -> None:
    async def main() -> None:
        db = database(tmp_path / "tasks.db")
        assert await refusal(db) == "database 'app:db' is not running (it was not started)"
        async with serving(db):
            await db.query("SELECT 1")
        assert await refusal(db) == "database 'app:db' is not running (it was stopped)"
        (tmp_path / "tasks.db").write_text("something else")
        with pytest.raises(StartError):
            async with serving(db):
                pass
        assert await refusal(db) == (
            "database 'app:db' is not running "
            "(it failed: 'tasks.db' is not an SQLite database; it was left as it is)"
        )

    run(main())


def test_after_a_stop_it_runs_again_on_the_same_file(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with tasks(file) as db:
            await db.execute(ADD, ("first",))
        async with serving(db):
            await db.execute(ADD, ("second",))

            assert [row["name"] for row in await db.query("SELECT * FROM tasks")] == names(file)
        assert names(file) == ["first", "second"]

    run(main())


def test_a_stop_that_was_set_before_the_run_began_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        db = database(tmp_path / "tasks.db")
        shown: list[str] = []
        await db.run(lambda where="": shown.append(where), stop)

        assert shown == ["tasks.db"]

    run(main())


def test_a_stop_finishes_what_is_queued_and_empties_the_journal(tmp_path: Path) -> None:
    async def main() -> list[asyncio.Task[Any]]:
        async with tasks(tmp_path / "tasks.db") as db:
            writes = [asyncio.create_task(db.execute(ADD, (str(n),))) for n in range(500)]
            reads = [asyncio.create_task(db.query("SELECT 1 AS one")) for _ in range(100)]
            await asyncio.sleep(0)
        assert all(task.done() for task in writes + reads)
        assert all(task.result() == [{"one": 1}] for task in reads)
        return writes

    run(main())

    assert len(names(tmp_path / "tasks.db")) == 500
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.db"]


def test_no_thread_is_left_after_a_stop(tmp_path: Path) -> None:
    others = threading.enumerate()

    async def main() -> list[threading.Thread]:
        async with tasks(tmp_path / "tasks.db"):
            return [thread for thread in threading.enumerate() if thread not in others]

    running = run(main())
    for thread in running:
        thread.join(LIMIT)

    assert sorted(thread.name for thread in running) == [
        *["sqlite tasks.db reader"] * 2,
        "sqlite tasks.db writer",
    ]
    assert not any(thread.is_alive() for thread in running)


def test_a_cancelled_run_breaks_off_what_runs_and_refuses_the_rest(tmp_path: Path) -> None:
    others = threading.enumerate()

    async def main() -> list[Any]:
        db = database(tmp_path / "tasks.db")
        ready = asyncio.Event()
        service = asyncio.create_task(db.run(lambda where="": ready.set(), asyncio.Event()))
        await ready.wait()
        await db.execute("CREATE TABLE counted (n)")
        # Both kinds of thread are busy for ever, and something waits behind each.
        calls = [
            asyncio.create_task(db.execute(f"INSERT INTO counted {SLOW}", (ENDLESS,))),
            asyncio.create_task(db.execute("INSERT INTO counted VALUES (1)")),
            *(asyncio.create_task(db.query(SLOW, (ENDLESS,))) for _ in range(3)),
        ]
        await asyncio.wait(calls, timeout=0.1)
        service.cancel()
        with pytest.raises(asyncio.CancelledError):
            await service
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = run(main())

    assert all(isinstance(error, sqlite3.OperationalError | DatabaseClosed) for error in outcomes)
    for thread in threading.enumerate():
        if thread not in others and "sqlite" in thread.name:
            thread.join(LIMIT)
            assert not thread.is_alive()


def test_a_writer_that_dies_fails_the_run_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise OSError("no more")

    async def main() -> None:
        async with tasks(tmp_path / "tasks.db") as db:
            monkeypatch.setattr("runtime.engines.sql.sqlite.writer._run_group", die)
            with pytest.raises(DatabaseClosed, match="the writer failed: no more"):
                await db.execute(ADD, ("a",))
            monkeypatch.undo()

    with pytest.raises(OSError, match="no more"):
        run(main())


def test_the_threads_do_not_hold_the_process_open(tmp_path: Path) -> None:
    program = f"""
import asyncio
from tests.support.databases import ENDLESS, SLOW, tasks
async def main():
    async with tasks({str(tmp_path / "tasks.db")!r}) as db:
        calls = [asyncio.create_task(call(SLOW, (ENDLESS,))) for call in (db.execute, db.query)]
        for call in calls:  # whether they are interrupted or never heard of is not asked here
            call.add_done_callback(lambda call: call.cancelled() or call.exception())
        await asyncio.sleep(0.1)
        raise SystemExit(7)
try:
    asyncio.run(asyncio.wait_for(main(), 0.3))
except BaseException as error:
    pass
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT, check=True
    )

    assert (ended.stdout, ended.stderr) == ("ended\n", "")
