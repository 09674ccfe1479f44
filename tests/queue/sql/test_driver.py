"""The durable queue in a program: two programs on a file, transactions, retries, restarts.

What it survives is shown by the scenarios of `tests/reliability`.

Every test ends with the accounting check: each accepted message is done once it says so, waits,
or is dead; the database is sound; and no traceback was logged that no handler raised.
"""

from __future__ import annotations

import http.client
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.sql.operations import Ack
from runtime.engines.sql.contract import DatabaseClosed
from tests.support import databases
from tests.support.blackbox import Site, eventually, execute, write_files
from tests.support.consuming import Running, until
from tests.support.driver_conformance.messages import a_message
from tests.support.implementations import sql_driver
from tests.support.program import Program, running

pytestmark = pytest.mark.slow

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


def test_what_a_dead_program_held_comes_before_what_is_newer(folder: Path) -> None:
    options = ("-o", "app:worker:concurrency=1", "-o", "app:worker:prefetch=1")
    with running(folder, *options) as program:
        site = Site(program)
        assert all(post(site, n=n, sleep=0.5 if n == 1 else 0) for n in (1, 2, 3))
        eventually(lambda: table(folder, "SELECT * FROM started"))
        program.kill()
    with running(folder, *options) as program:
        account(folder, {1, 2, 3})

        assert table(folder, "SELECT * FROM started") == [(1, 1), (1, 2), (2, 1), (3, 1)]
        assert program.stop() == 0
        no_surprise(program)


# A worker that looks by itself for what is ready does so once an hour.
SELDOM = ("-o", "app:driver:heartbeat=1h", "-o", "app:driver:lease=2h")
NO_LOOK = """
from runtime.engines.queue.sql.sqlite import lease
lease.CHECK_INTERVAL = 3600
"""


def test_two_programs_wake_each_other(folder: Path) -> None:
    api = folder.parent / "api"
    write_files(api, {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    text = (
        (api / "_index.yaml")
        .read_text()
        .replace("concurrency: 4\n    lifecycle: {auto_start: true}", "concurrency: 4")
    )
    (api / "_index.yaml").write_text(text.replace("data/a.db", str(folder / "data" / "a.db")))
    with running(folder, *SELDOM, before=NO_LOOK) as worker, running(api, *SELDOM) as front:
        site = Site(front)
        accepted = set()
        for n in range(20):
            accepted |= {n} if post(site, n=n) else set()
            eventually(lambda n=n: n in done(folder))
        account(folder, accepted)

        assert front.stop() == worker.stop() == 0


def test_a_message_is_published_with_the_callers_writes_or_not_at_all(folder: Path) -> None:
    with running(folder) as program:
        site = Site(program)
        for n in range(10):
            site.ask("POST", "/", {"n": n, "order": "undo" if n % 2 else "keep"})
        account(folder, {0, 2, 4, 6, 8})

        assert done(folder) == {0, 2, 4, 6, 8}
        assert {n for (n,) in table(folder, "SELECT n FROM orders")} == done(folder)
        assert program.stop() == 0


def test_what_fails_is_retried_and_dies_with_its_story(folder: Path) -> None:
    with running(folder) as program:
        post(Site(program), n=5, do="fail")
        program.wait_for("gave up on a message")
        account(folder, set(), dead=1)
        assert program.stop() == 0

    (headers,) = table(folder, "SELECT headers FROM runtime_message")[0]
    assert '"x_dead_letter_error": "ValueError: no"' in headers
    assert '"attempts": "3"' in headers
    assert table(folder, "SELECT attempt FROM started") == [(1,), (2,), (3,)]


def test_delayed_messages_are_rows_and_survive_a_kill(folder: Path) -> None:
    with running(folder) as program:
        assert post(Site(program), n=1, delay="700ms")
        program.signal(signal.SIGKILL)
        program.wait()
    assert table(folder, "SELECT state FROM runtime_message") == [(1,)]
    with running(folder) as program:
        account(folder, {1})
        assert program.stop() == 0


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


def test_an_end_that_waited_for_the_database_and_came_too_late_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = sql_driver(database)
            queue = driver.declare("tasks", {"sql": {"max_length": 10}})
            service = Running(driver)
            await service.ready.wait()
            await queue.publish(a_message())
            message = await queue.subscribe(1).receive()
            # as if the lease had expired meanwhile, and the message been redelivered
            await database.execute("UPDATE runtime_message SET token = token + 1")
            driver.settle_later(Ack(1, message.token), message.id)
            await until(lambda: "no longer held" in caplog.text)
            await service.end()

            assert f"message {message.id} was no longer held when" in caplog.text

    databases.run(main())


def test_a_stop_without_its_database_tells_in_one_line_what_stays_held(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> Any:
        raise DatabaseClosed("it is not running")

    def not_there(*_: object, **__: object) -> Any:
        raise sqlite3.OperationalError("unable to open database file")

    async def main() -> None:
        async with databases.tasks(tmp_path / "a.db") as database:
            driver = sql_driver(database)
            queue = driver.declare("tasks", {"sql": {"max_length": 10}})
            service = Running(driver)
            await service.ready.wait()
            await queue.publish(a_message())
            subscription = queue.subscribe(1)
            message = await subscription.receive()
            with monkeypatch.context() as patch:
                patch.setattr(database, "batch", gone)
                patch.setattr("runtime.engines.sql.sqlite.database.connect", not_there)
                await subscription.release([message])
                await service.end()

    databases.run(main())

    (said,) = [each for each in caplog.records if "could not be ended" in each.getMessage()]
    assert "unable to open database file" in said.getMessage()
    assert not [each for each in caplog.records if each.exc_info]
