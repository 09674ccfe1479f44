"""The durable queue under fire: kills, stopped programs, foreign locks, two programs on a file.

Every test ends with the accounting check: each accepted message is done once it says so, waits,
or is dead; the database is sound; and no traceback was logged that no handler raised.
"""

from __future__ import annotations

import http.client
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime import fault
from tests import equipment
from tests.blackbox import Site, eventually, execute, write_files
from tests.equipment import Program

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db}
  - {name: host, kind: process.host}
  - name: migrate
    kind: process.python
    source: file://h.py
    method: migrate
    modules: [sql, queue]
  - name: migration
    kind: process.service
    process: migrate
    host: host
    type: oneshot
    lifecycle: {auto_start: true, requires: [db]}
  - name: driver
    kind: queue.driver.sql
    database: db
    lease: 2s
    heartbeat: 500ms
    lifecycle: {auto_start: true}
  - name: tasks
    kind: queue.queue
    driver: driver
    retry: {initial_delay: 100ms}
    dead_letter: {max_attempts: 3}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: publish}
  - name: publish
    kind: function.python
    source: file://h.py
    method: publish
    modules: [sql, queue]
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: work
    concurrency: 4
    lifecycle: {auto_start: true}
  - {name: work, kind: function.python, source: file://h.py, method: work, modules: [sql, queue]}
"""
HANDLERS = """
import asyncio, os, signal
from runtime.modules import queue, sql

async def migrate():
    db = sql.get("db")
    await db.execute("CREATE TABLE IF NOT EXISTS done (n INTEGER PRIMARY KEY)")
    await db.execute("CREATE TABLE IF NOT EXISTS started (n INTEGER, attempt INTEGER)")
    await db.execute("CREATE TABLE IF NOT EXISTS orders (n INTEGER)")

async def publish(request):
    body = await request.json()
    if "order" not in body:
        return {"id": await queue.publish("tasks", body, delay=body.get("delay"))}
    try:
        async with sql.get("db").transaction() as tx:
            await tx.execute("INSERT INTO orders VALUES (?)", [body["n"]])
            await queue.publish("tasks", body, transaction=tx)
            if body["order"] == "undo":
                raise KeyError("undone")
    except KeyError:
        return {"undone": True}
    return {}

async def work(body):
    db = sql.get("db")
    await db.execute("INSERT INTO started VALUES (?, ?)", [body["n"], queue.message().attempt])
    match body.get("do"):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            await asyncio.sleep(60)
        case "fail":
            raise ValueError("no")
    await asyncio.sleep(body.get("sleep", 0.002))
    await db.execute("INSERT INTO done VALUES (?) ON CONFLICT DO NOTHING", [body["n"]])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"_index.yaml": MANIFEST, "h.py": HANDLERS})


def table(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "data" / "a.db", timeout=10)) as connection:
        return connection.execute(query).fetchall()


def done(folder: Path) -> set[int]:
    return {n for (n,) in table(folder, "SELECT n FROM done")}


def waiting(folder: Path) -> int:
    return int(table(folder, "SELECT count(*) FROM runtime_message WHERE state < 3")[0][0])


def account(folder: Path, accepted: set[int], dead: int = 0) -> None:
    """The accounting check, once nothing waits any more."""
    eventually(lambda: waiting(folder) == 0, within=30)
    assert accepted <= done(folder), f"lost: {accepted - done(folder)}"
    assert table(folder, "SELECT count(*) FROM runtime_message WHERE state = 3") == [(dead,)]
    assert table(folder, "SELECT sum(length) FROM runtime_queue") == [(0,)]
    assert table(folder, "PRAGMA integrity_check") == [("ok",)]


def post(site: Site, **body: Any) -> bool:
    """Whether it was accepted; False also if the program was killed meanwhile."""
    try:
        return site.ask("POST", "/", body).status == 200
    except (OSError, http.client.HTTPException):
        return False


def no_surprise(program: Program) -> None:
    faults = [line["error"]["type"] for line in program.log if "error" in line]
    assert set(faults) <= {"ValueError"}, program.stderr


def test_nothing_accepted_is_lost_over_kills(folder: Path) -> None:
    chance = random.Random(7)
    accepted: set[int] = set()
    numbers = iter(range(1_000_000))
    for _ in range(5):
        with equipment.running(folder) as program:
            site = Site(program)
            end = threading.Event()

            def feed(site: Site = site, end: threading.Event = end) -> None:
                while not end.is_set():
                    n = next(numbers)
                    if post(site, n=n):
                        accepted.add(n)

            with ThreadPoolExecutor(4) as pool:
                feeders = [pool.submit(feed) for _ in range(4)]
                threading.Event().wait(chance.uniform(0.3, 0.8))  # the moment is the subject
                program.signal(signal.SIGKILL)
                end.set()
                for feeder in feeders:
                    feeder.result()
            no_surprise(program)
    with equipment.running(folder) as program:
        account(folder, accepted)

        assert len(accepted) > 200
        assert program.stop() == 0
        no_surprise(program)
    starts = table(folder, "SELECT count(*), count(DISTINCT n) FROM started")[0]
    assert starts[0] - starts[1] <= 5 * 4, "more ran twice than were in hand"


@pytest.mark.parametrize("point", fault.POINTS)
def test_a_death_at_any_place_loses_nothing(point: str, folder: Path) -> None:
    if "sweep" in point:  # there must be something of a dead program to give back
        with equipment.running(folder) as program:
            post(Site(program), n=99, do="kill")
            program.wait()
    accepted: set[int] = set()
    armed = {"RUNTIME_FAULT": f"{point}:2" if "sweep" not in point else point}
    with equipment.running(folder, ready=False, env=armed) as program:
        if "sweep" not in point:
            site = Site(program)
            for n in range(1, 40):
                accepted |= {n} if post(site, n=n, delay="20ms" if n % 2 else None) else set()
        assert program.wait() == fault.EXIT_CODE
        assert f"fault: {point}" in program.stderr
    with equipment.running(folder) as program:
        if "sweep" in point:
            program.wait()  # the message that kills is still there, and does it again
        else:
            account(folder, accepted)
            assert program.stop() == 0
            no_surprise(program)
    assert table(folder, "PRAGMA integrity_check") == [("ok",)]


def test_a_message_that_kills_the_program_is_dead_after_its_attempts(folder: Path) -> None:
    with equipment.running(folder) as program:
        site = Site(program)
        accepted = {n for n in range(30) if post(site, n=n, sleep=0.05)}
        post(site, n=1000, do="kill")
        accepted |= {n for n in range(30, 60) if post(site, n=n)}
        program.wait()
    for _ in range(2):
        with equipment.running(folder, ready=False) as program:
            assert program.wait() == -signal.SIGKILL
    with equipment.running(folder) as program:
        account(folder, accepted, dead=1)

        assert "(crashed)" in program.stderr
        assert program.stop() == 0
    attempts = table(folder, "SELECT attempt FROM started WHERE n = 1000 ORDER BY attempt")
    assert attempts == [(1,), (2,), (3,)]
    (headers,) = table(folder, "SELECT headers FROM runtime_message WHERE state = 3")[0]
    assert '"x_dead_letter_reason": "crashed"' in headers


def test_a_program_that_was_stopped_too_long_is_fenced(folder: Path) -> None:
    with equipment.running(folder) as first:
        post(Site(first), n=1, sleep=0.5)
        eventually(lambda: table(folder, "SELECT * FROM started"))
        first.signal(signal.SIGSTOP)
        with equipment.running(folder) as second:
            account(folder, {1})
            first.signal(signal.SIGCONT)
            first.wait_for("lease lost")
            first.wait_for("no longer held")
            accepted = {n for n in range(10, 20) if post(Site(first), n=n)}
            account(folder, accepted)

            assert len([text for text in first.messages if "lease lost" in text]) == 1
            assert first.stop() == second.stop() == 0
    assert table(folder, "SELECT count(*) FROM started WHERE n = 1") == [(2,)]


def test_two_programs_wake_each_other(folder: Path) -> None:
    api = folder.parent / "api"
    write_files(api, {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    text = (
        (api / "_index.yaml")
        .read_text()
        .replace("concurrency: 4\n    lifecycle: {auto_start: true}", "concurrency: 4")
    )
    (api / "_index.yaml").write_text(text.replace("data/a.db", str(folder / "data" / "a.db")))
    with equipment.running(folder) as worker, equipment.running(api) as front:
        site = Site(front)
        eventually(lambda: table(folder, "SELECT count(*) FROM runtime_owner") == [(2,)])
        threading.Event().wait(1.2)  # until both have seen each other: a look is every half second
        accepted = set()
        for n in range(20):
            accepted |= {n} if post(site, n=n) else set()
            # a poll would take half a second each
            eventually(lambda n=n: n in done(folder), within=0.4)
        account(folder, accepted)

        assert front.stop() == worker.stop() == 0


def test_work_that_does_not_end_in_time_goes_back_unspent(folder: Path) -> None:
    options = ("-o", "app:worker:lifecycle.stop_timeout=300ms")
    with equipment.running(folder, *options) as program:
        post(Site(program), n=1, do="hang")
        eventually(lambda: table(folder, "SELECT * FROM started"))

        assert program.stop() == 6
    assert table(folder, "SELECT state, attempt, suspect FROM runtime_message") == [(0, 0, 0)]
    assert table(folder, "SELECT count(*) FROM runtime_owner") == [(0,)]


def test_a_message_is_published_with_the_callers_writes_or_not_at_all(folder: Path) -> None:
    with equipment.running(folder) as program:
        site = Site(program)
        for n in range(10):
            site.ask("POST", "/", {"n": n, "order": "undo" if n % 2 else "keep"})
        account(folder, {0, 2, 4, 6, 8})

        assert done(folder) == {0, 2, 4, 6, 8}
        assert {n for (n,) in table(folder, "SELECT n FROM orders")} == done(folder)
        assert program.stop() == 0


def test_what_fails_is_retried_and_dies_with_its_story(folder: Path) -> None:
    with equipment.running(folder) as program:
        post(Site(program), n=5, do="fail")
        program.wait_for("gave up on a message")
        account(folder, set(), dead=1)
        assert program.stop() == 0

    (headers,) = table(folder, "SELECT headers FROM runtime_message")[0]
    assert '"x_dead_letter_error": "ValueError: no"' in headers
    assert '"attempts": "3"' in headers
    assert table(folder, "SELECT attempt FROM started") == [(1,), (2,), (3,)]


def test_delayed_messages_are_rows_and_survive_a_kill(folder: Path) -> None:
    with equipment.running(folder) as program:
        assert post(Site(program), n=1, delay="700ms")
        program.signal(signal.SIGKILL)
        program.wait()
    assert table(folder, "SELECT state FROM runtime_message") == [(1,)]
    with equipment.running(folder) as program:
        account(folder, {1})
        assert program.stop() == 0


def test_a_foreign_lock_delays_and_fails_nobody(folder: Path) -> None:
    with equipment.running(folder) as program:
        site = Site(program)
        code = (
            "import sqlite3, sys\n"
            f"c = sqlite3.connect({str(folder / 'data' / 'a.db')!r}, isolation_level=None)\n"
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdin is not None
            holder.stdout.readline()
            with ThreadPoolExecutor(8) as pool:
                posts = [pool.submit(post, site, n=n) for n in range(8)]
                threading.Event().wait(2.5)  # longer than a lease
                holder.stdin.close()
                accepted = {n for n, each in enumerate(posts) if each.result()}
        account(folder, accepted)

        assert accepted == set(range(8))
        assert not [line for line in program.log if line["level"] == "error"]
        assert "Exception in thread" not in program.stderr
        assert program.stop() == 0
        no_surprise(program)


def test_a_newer_file_is_refused_and_left_alone(folder: Path) -> None:
    (folder / "data").mkdir()
    with closing(sqlite3.connect(folder / "data" / "a.db")) as connection:
        connection.execute("CREATE TABLE runtime_version (version INTEGER NOT NULL)")
        connection.execute("INSERT INTO runtime_version VALUES (99)")
        connection.commit()

    ended = execute("run", str(folder), "--log-format", "console")

    assert ended.code == 4
    assert "of version 99, and this program knows versions up to 1" in ended.err
    assert table(folder, "SELECT version FROM runtime_version") == [(99,)]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("app:db:file=:memory:", "'app:db' is in memory, which keeps nothing"),
        ("app:db:pragmas.synchronous=NORMAL", "'durability' is full, but 'app:db' has"),
        ("app:driver:heartbeat=1500ms", "'heartbeat' is more than half of 'lease'"),
    ],
)
def test_what_would_break_the_promise_is_a_finding(override: str, said: str, folder: Path) -> None:
    ended = execute("validate", str(folder), "-o", override)

    assert ended.code == 3
    assert said in ended.out
