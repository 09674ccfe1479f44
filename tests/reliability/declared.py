"""The application that uses all that limits, joins and spreads messages, and the check of it.

A task goes to one of these: a queue whose consumer has a rate and a limit for each tenant, partly
under unique keys; a queue whose consumer takes batches; an event with two subscribers. A schedule
publishes every second. Each handler writes a row in the transaction of its ack.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.reliability.application import Note, notes
from tests.support.blackbox import write_files

RATE, PER = 150, 5.0
"""Messages, and the seconds in which no more of them are begun: less than are published."""
LAG = 0.5
"""Seconds in which a message that was claimed is begun, however busy the machine is."""
PER_KEY = 2
TENANTS = 3
LEFT = "SELECT count(*) FROM runtime_message WHERE state < 3 AND queue <> 'ticks'"
"""Messages that are not done; there is always another tick."""
MANIFEST = f"""
namespace: app
entries:
  - {{name: db, kind: db.sql.sqlite, file: data/a.db}}
  - {{name: driver, kind: queue.driver.sql, lifecycle: {{auto_start: true}}}}
  - {{name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {{auto_start: true}}}}
  - {{name: router, kind: http.router}}
  - {{name: post, kind: http.endpoint, method: POST, path: /, func: "file://h.py#accept"}}

  - {{name: limited, kind: queue.queue, retry: {{initial_delay: 50ms, max_delay: 100ms}}}}
  - name: worker
    kind: queue.consumer
    queue: limited
    func: file://h.py#work
    transaction: db
    concurrency: 6
    rate: {RATE}/{PER:g}s
    concurrency_by: body.tenant
    per_key: {PER_KEY}
    lifecycle: {{auto_start: true}}

  - {{name: batched, kind: queue.queue}}
  - name: batcher
    kind: queue.consumer
    queue: batched
    func: file://h.py#work_together
    transaction: db
    prefetch: 20
    batch: {{size: 20, wait: 100ms}}
    lifecycle: {{auto_start: true}}

  - name: first
    kind: event.subscriber
    topics: ["task.*"]
    func: file://h.py#work
    transaction: db
  - name: second
    kind: event.subscriber
    topics: ["#"]
    func: file://h.py#work
    transaction: db

  - {{name: tick, kind: schedule.cron, every: 1s, queue: ticks, overlap: allow, catch_up: all}}
  - {{name: ticks, kind: queue.queue}}
  - name: ticker
    kind: queue.consumer
    queue: ticks
    func: file://h.py#tick
    transaction: db
    lifecycle: {{auto_start: true}}
"""
HANDLERS = """
import asyncio, os, time
from pathlib import Path
from runtime.modules import events, http, queue, sql

FILE = os.open(Path(__file__).parent / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
WRITE = "INSERT INTO written VALUES (?)"


def note(what, message):
    line = f"{what} {message.id} {message.attempt} {time.monotonic()} {os.getpid()}\\n"
    os.write(FILE, line.encode())


async def accept(request):
    body = await request.json()
    match body["to"]:
        case "events":
            ids = (await events.publish("task.done", body)).values()
        case "batched":
            ids = await queue.publish_many("batched", [body, body])
        case "limited":
            ids = [await queue.publish("limited", body, unique=body.get("unique"))]
    http.response().set_status(202)
    return {"id": " ".join(ids)}


async def work(body):
    message = queue.message()
    note("start", message)
    await asyncio.sleep(body.get("sleep", 0.01))
    await sql.transaction().execute(WRITE, [message.id])
    note("end", message)


async def work_together(bodies):
    messages = queue.messages()
    for message in messages:
        note("start", message)
    await sql.transaction().executemany(WRITE, [[message.id] for message in messages])
    for message in messages:
        note("end", message)


async def tick(body):
    planned = queue.message().headers["x_scheduled_time"]
    await sql.transaction().execute(WRITE, [planned])
"""


def write(folder: Path, more: str = "") -> Path:
    """Write the application, with a database that has the table of the rows."""
    write_files(folder, {"_index.yaml": MANIFEST + more, "h.py": HANDLERS})
    (folder / "data").mkdir()
    with closing(sqlite3.connect(folder / "data" / "a.db")) as connection:
        connection.execute("CREATE TABLE written (id TEXT)")
    return folder


def body(n: int) -> dict[str, Any]:
    """The task of a number."""
    match n % 4:
        case 0:
            return {"to": "limited", "tenant": tenant(n)}
        case 1:
            return {"to": "batched"}
        case 2:
            return {"to": "events"}
        case _:
            return {"to": "limited", "tenant": tenant(n), "unique": f"{n // 8}"}


def tenant(n: int) -> int:
    return n // 8 % TENANTS


def check_written(rows: Counter[str], answers: Iterable[str]) -> int:
    """Assert that each message of the answers has one row, and each second one.

    Returns the number of messages.
    """
    ids = {id for answer in answers for id in answer.split()}
    assert rows.total() == len(rows), "a row was written twice"
    assert ids <= rows.keys(), f"lost: {sorted(ids - rows.keys())}"
    ticks = sorted(datetime.fromisoformat(id) for id in rows if id.endswith("Z"))
    steps = {(after - before).total_seconds() for before, after in pairwise(ticks)}
    assert steps == {1.0}, f"planned times that were left out: {steps}"
    return len(ids) + len(ticks)


def check_limits(
    folder: Path, accepted: Mapping[str, int], ends: Mapping[int, float] | None = None
) -> None:
    """Assert that the rate and the limit of each tenant were kept, over all programs.

    `ends` are the moments, by process, in which the handlers that ran there ended with it.
    """
    mine = [note for note in notes(folder) if body(accepted.get(note.id, 1))["to"] == "limited"]
    begun = sorted(note.when for note in mine if note.what == "start")
    for first, last in zip(begun, begun[RATE:], strict=False):
        assert last - first > PER - LAG, f"{RATE + 1} were begun in {last - first:.2f} s"
    for number in range(TENANTS):
        of_tenant = [note for note in mine if tenant(accepted[note.id]) == number]
        assert most_at_once(of_tenant, ends or {}) <= PER_KEY, f"too many of tenant {number}"


def most_at_once(notes: Iterable[Note], ends: Mapping[int, float]) -> int:
    """The largest number of handlers that ran at the same time."""
    running: dict[tuple[str, int], Note] = {}
    most = 0
    for note in sorted(notes, key=lambda note: note.when):
        running = {
            key: each for key, each in running.items() if ends.get(each.pid, note.when) >= note.when
        }
        if note.what == "start":
            running[note.id, note.pid] = note
            most = max(most, len(running))
        else:
            running.pop((note.id, note.pid), None)
    return most
