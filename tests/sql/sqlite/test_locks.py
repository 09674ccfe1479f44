"""Locks of other programs: waited for, and reported in words when it takes too long."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite.busy_retry import BusyRetry
from runtime.engines.sql.sqlite.database import Database
from runtime.service import Unavailable
from tests.support.blackbox import FREE_PORT, running, write_files
from tests.support.databases import ADD, TASKS, database, names, run, serving, tasks


class Clock:
    """A clock that only sleeping moves; `then` is done when it shows a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.then: tuple[float, Callable[[], object]] | None = None
        monkeypatch.setattr("runtime.engines.sql.sqlite.busy_retry.monotonic", lambda: self.now)
        monkeypatch.setattr("runtime.engines.sql.sqlite.busy_retry.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.then is not None and self.now >= self.then[0]:
            self.then[1]()
            self.then = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Who has the write lock of `a.db`."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(TASKS)
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.fixture
def begin(tmp_path: Path, holder: sqlite3.Connection) -> Iterator[Callable[[], object]]:
    """Ask for the write lock without waiting."""
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)
    with closing(other):
        yield lambda: other.execute("BEGIN IMMEDIATE")


def test_a_lock_is_tried_for_every_two_milliseconds_and_taken_once_it_is_free(
    clock: Clock, holder: sqlite3.Connection, begin: Callable[[], object]
) -> None:
    clock.then = (1004.0, lambda: holder.execute("COMMIT"))
    BusyRetry(5.0)(begin)

    assert 1004.0 <= clock.now < 1004.01
    assert max(clock.slept) <= 0.002


def test_who_has_waited_long_enough_hears_for_how_long(
    clock: Clock, begin: Callable[[], object]
) -> None:
    locked = "the database was locked by another program for more than 5 s"
    with pytest.raises(sqlite3.OperationalError, match=f"^{locked}$") as caught:
        BusyRetry(5.0)(begin, 1000.0)

    assert caught.value.sqlite_errorname == "SQLITE_BUSY"
    assert 1005.0 < clock.now < 1005.01


def test_waiting_behind_another_is_waiting_for_the_lock(
    clock: Clock, begin: Callable[[], object]
) -> None:
    retry = BusyRetry(5.0)
    for asked in (1000.0, 1000.0, 1004.0):
        with pytest.raises(sqlite3.OperationalError):
            retry(begin, asked)
        assert asked + 5.0 < clock.now < max(asked, 1000.0) + 5.02


def test_time_spent_behind_other_work_is_no_waiting_for_the_lock(
    clock: Clock, begin: Callable[[], object]
) -> None:
    with pytest.raises(sqlite3.OperationalError):
        BusyRetry(5.0)(begin, requested_at=900.0)

    assert clock.now > 1005.0


def test_nobody_waits_for_a_lock_whose_outcome_nobody_wants(
    clock: Clock, begin: Callable[[], object]
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        BusyRetry(5.0, lambda: clock.now > 1001.0)(begin)

    assert clock.now < 1001.01


def test_only_a_lock_is_waited_for(clock: Clock, holder: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        BusyRetry(5.0)(lambda: holder.execute("SELECT * FROM nowhere"))

    assert clock.slept == []


HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
for _ in range(int(sys.argv[2])):
    connection.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
    connection.execute("COMMIT")
"""


@contextmanager
def holding(file: Path, times: int, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that takes the lock again and again, seen to have it once."""
    command = [sys.executable, "-c", HOLD, str(file), str(times), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"held\n"
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_foreign_lock_that_comes_again_and_again_fails_nobody(tmp_path: Path, mode: str) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with serving(database(file, journal_mode=mode)) as db:
            await db.execute(TASKS)

            async def write(worker: int) -> None:
                number = 0
                while program.poll() is None:
                    await db.execute(ADD, (f"{worker} {number}",))
                    async with db.transaction() as tx:
                        await tx.execute(ADD, (f"{worker} {number} too",))
                    assert await db.query("SELECT 1 AS one") == [{"one": 1}]
                    number += 1
                accepted.extend(f"{worker} {n}{end}" for n in range(number) for end in ("", " too"))

            accepted: list[str] = []
            with holding(file, times=4, seconds=0.4) as program:
                await asyncio.gather(*(write(worker) for worker in range(32)))

        assert set(names(file)) == set(accepted)

    run(main())


def test_a_transaction_waits_to_begin_as_a_statement_does(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with tasks(file) as db:
            with holding(file, times=1, seconds=0.3):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))

        assert names(file) == ["a"]

    run(main())


def test_what_waits_behind_a_lock_fails_with_it_and_not_one_after_the_other(tmp_path: Path) -> None:
    async def add(db: Database, name: str) -> None:
        async with db.transaction() as tx:
            await tx.execute(ADD, (name,))

    async def main() -> None:
        file = tmp_path / "tasks.db"
        async with serving(database(file, busy_timeout=0.2)) as db:
            await db.execute(TASKS)
            with closing(sqlite3.connect(file, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                # Were each to wait for itself, this would take much longer than a test may.
                calls = [add(db, str(number)) for number in range(500)]
                errors = await asyncio.gather(*calls, return_exceptions=True)
            await db.execute(ADD, ("after",))

            assert {type(error) for error in errors} == {Unavailable}
            assert names(file) == ["after"]

    run(main())


def test_a_stop_does_not_wait_for_a_lock_when_its_time_is_up(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "tasks.db"
        db = database(file, busy_timeout=3600.0)
        ready = asyncio.Event()
        service = asyncio.create_task(db.run(lambda where="": ready.set(), asyncio.Event()))
        await ready.wait()
        await db.execute(TASKS)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            call = asyncio.create_task(db.execute(ADD, ("a",)))
            await asyncio.wait([call], timeout=0.05)
            service.cancel()
            with pytest.raises(asyncio.CancelledError):
                await service
            with pytest.raises(Unavailable):
                await call

        assert names(file) == []

    run(main())


def test_a_client_hears_503_when_the_lock_was_held_for_too_long(tmp_path: Path) -> None:
    files = {
        "_index.yaml": """
            namespace: app
            entries:
              - name: db
                kind: db.sql.sqlite
                file: a.db
                busy_timeout: 100ms
                lifecycle: {auto_start: true}
              - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
              - {name: router, kind: http.router, meta: {server: gateway}}
              - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /,
                 func: add}
              - {name: add, kind: function.python, source: file://add.py, modules: [sql]}
            """,
        "add.py": """
            from runtime.modules import sql

            async def main():
                await sql.get("db").execute("CREATE TABLE IF NOT EXISTS t (n)")
            """,
    }
    with running(write_files(tmp_path, files), FREE_PORT) as site:
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            reply = site.ask("POST", "/")

            assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert site.ask("POST", "/").status == 204
        site.line(
            r"^'a\.db' is rejecting writes: .* locked by another program for more than 0\.1 s"
        )
        site.line(r"^'a\.db' accepts writes again$")
        assert site.stop() == 0
