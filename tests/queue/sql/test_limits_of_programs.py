"""Limits over several programs, of which some are killed: never exceeded, and nothing waits for the
dead for longer than their lease.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.rate import LAG
from tests.support.blackbox import Site, eventually, write_files
from tests.support.postgres_schema import PostgresSchema
from tests.support.program import Program, running

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: rows, kind: queue.driver.sql, database: db, lease: 2s, heartbeat: 500ms}
  - {name: tasks, kind: queue.queue, driver: rows, retry: {initial_delay: 100ms}}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: "file://h.py#post"}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://h.py#work
    concurrency: 6
    rate: 900/30s
    concurrency_by: body.tenant
    per_key: 2
    lifecycle: {auto_start: true}
"""
HANDLERS = """
import asyncio, os, random, time
from runtime.modules import http, queue

LOG = os.open(os.environ["BEGUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def say(*words):
    os.write(LOG, " ".join(map(str, (time.monotonic(), os.getpid(), *words, "\\n"))).encode())

async def post():
    tasks = await http.request().json()
    await queue.publish_many("tasks", tasks)

async def work(task):
    say("+", task["tenant"], task["n"])
    await asyncio.sleep(0.05 + random.random() / 5)
    say("-", task["tenant"], task["n"])
    if task["n"] % 10 == 0 and queue.message().attempt == 1:
        raise ValueError("once more")
"""
TENANTS, EACH = 2, 50


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Callable[[], Any]]:
    """The options for a database, and what reads the record of the rate there."""
    statement = "SELECT grants FROM runtime_rate"
    if request.param == "postgres":
        postgres: PostgresSchema = request.getfixturevalue("postgres")
        options = ["-o", "app:db:kind=db.sql.postgres", "-o", f"app:db:dsn={postgres.url}"]
        return options, lambda: postgres.execute(statement)[0][0]

    def read() -> Any:
        with closing(sqlite3.connect(tmp_path / "app" / "app.db", timeout=10)) as connection:
            return connection.execute(statement).fetchone()[0]

    return [], read


def begun(folder: Path) -> list[list[str]]:
    """Time, process, `+` or `-`, tenant and number of each line."""
    log = folder.parent / "begun.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def done(folder: Path) -> set[str]:
    return {number for _, _, sign, _, number in begun(folder) if sign == "-"}


def most_at_once(lines: Iterable[list[str]], killed: dict[str, float]) -> int:
    """The most messages of one tenant that ran at the same time; a process ended when killed."""
    changes = []
    running: set[tuple[str, str, str]] = set()
    for at, pid, sign, tenant, number in lines:
        who = (pid, tenant, number)
        changes.append((float(at), 1 if sign == "+" else -1, tenant))
        (running.add if sign == "+" else running.discard)(who)
    changes += [(killed.get(pid, math.inf), -1, tenant) for pid, tenant, _ in running]
    counts: dict[str, int] = {}
    most = 0
    for _, change, tenant in sorted(changes):
        counts[tenant] = counts.get(tenant, 0) + change
        most = max(most, counts[tenant])
    return most


def test_limits_hold_while_programs_are_killed(
    tmp_path: Path, place: tuple[list[str], Callable[[], Any]]
) -> None:
    options, read = place
    folder = write_files(tmp_path / "app", {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    tasks = [{"tenant": "ab"[n % TENANTS], "n": n} for n in range(TENANTS * EACH)]
    killed: dict[str, float] = {}
    env = {"BEGUN": str(tmp_path / "begun.log")}
    with ExitStack() as stack:
        programs: list[Program] = [
            stack.enter_context(running(folder, *options, env=env)) for _ in range(3)
        ]
        assert Site(programs[0]).ask("POST", "/", tasks).status < 300
        for count, program in ((20, programs[1]), (50, programs[2])):
            eventually(lambda count=count: len(done(folder)) >= count, within=60)
            program.kill()
            killed[str(program.pid)] = time.monotonic()
        eventually(lambda: len(done(folder)) == len(tasks), within=60)
        lines = begun(folder)
        _, *grants = json.loads(read())

    assert most_at_once(lines, killed) == 2
    assert sum(count for _, count in grants) >= len([1 for line in lines if "+" in line])
    for index, (first, _) in enumerate(grants):
        later = 0
        for at, count in grants[index + 1 :]:
            later += count
            assert later <= 1 + (at - first + LAG + 0.001) * 30
