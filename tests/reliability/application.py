"""The application under test: tasks over HTTP to a durable queue, with handlers that keep a ledger.

A task is accepted with 202 and its id. Its body tells the handler what to do: `do`, and `sleep` in
seconds. The handler appends a line to the ledger when it starts and when it ends. A body with
`letter`, an id, is no task: it requeues or drops that dead letter, as `do` says.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db}
  - name: driver
    kind: queue.driver.sql
    database: db
    retention: 1h
    lifecycle: {auto_start: true}
  - name: tasks
    kind: queue.queue
    driver: driver
    retry: {initial_delay: 50ms, max_delay: 100ms}
    dead_letter: {queue: dead}
  - {name: dead, kind: queue.queue, driver: driver}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: accept}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: depth}
  - {name: accept, kind: function.python, source: file://h.py, method: accept, modules: [MODULES]}
  - {name: depth, kind: function.python, source: file://h.py, method: depth, modules: [MODULES]}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: work
    concurrency: 8
    lifecycle: {auto_start: true}
  - {name: work, kind: function.python, source: file://h.py, method: work, modules: [MODULES]}
"""
HANDLERS = """
import asyncio, ctypes, os, signal, time
from pathlib import Path
from runtime.modules import http, queue, sql

FILE = os.open(Path(__file__).parent / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def note(what, message):
    line = f"{what} {message.id} {message.attempt} {time.monotonic()} {os.getpid()}\\n"
    os.write(FILE, line.encode())


# The exit codes of forked children, by what they were told to do.
ENDS = {"exit": 0, "return": 0, "raise": 1, "publish": 0, "sleep": -signal.SIGTERM}


def in_child(what):
    match what:
        case "exit":
            os._exit(0)
        case "raise":
            raise LookupError("in the child")
        case "sleep" | "stay":
            time.sleep(60)
        case "publish":
            try:
                queue.publish("tasks", {}).send(None)
            except RuntimeError:
                os._exit(0)  # refused, as it should be
            os._exit(2)


async def accept(request):
    body = await request.json()
    if "letter" in body:
        await getattr(queue, body["do"])(body["queue"], body["letter"])
        http.response().set_status(202)
        return {"id": body["letter"]}
    id = await queue.publish(body.get("queue", "tasks"), body, delay=body.get("delay"))
    http.response().set_status(202)
    return {"id": id}


async def depth():
    info = await queue.info("tasks")
    return {"depth": info.ready + info.delayed + info.in_flight}


async def work(body):
    message = queue.message()
    note("start", message)
    match body.get("do"):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang" if "HANG" in os.environ and message.attempt == 1:
            await asyncio.sleep(60)
        case "segv":
            ctypes.string_at(0)
        case "eat":
            held = [bytearray(64 << 20) for _ in range(1 << 20)]
        case "block":
            time.sleep(body["sleep"])
        case "hold" if message.attempt == 1:
            async with sql.get("db").transaction() as tx:
                await tx.execute("CREATE TABLE IF NOT EXISTS held (n)")
                await asyncio.sleep(body["sleep"])
        case "fork" if message.attempt == 1:
            if (child := os.fork()) == 0:
                return in_child(body["child"])
            if body["child"] == "stay":
                await asyncio.sleep(60)
            if body["child"] == "sleep":
                os.kill(child, signal.SIGTERM)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == ENDS[body["child"]], status
        case "fail":
            raise ValueError("no")
        case "fail once" if message.attempt == 1:
            raise ValueError("not yet")
        case "reject":
            raise queue.Reject("never")
    await asyncio.sleep(body.get("sleep", 0))
    if body.get("insert"):
        await sql.get("db").execute("INSERT INTO written VALUES (?)", [message.id])
    if body.get("write"):
        await sql.transaction().execute("INSERT INTO written VALUES (?)", [message.id])
    if body.get("mark"):
        planned = message.headers["x_scheduled_time"]
        await sql.transaction().execute("INSERT INTO written VALUES (?)", [planned])
    note("end", message)
"""


def write(folder: Path, changes: Mapping[str, str] | None = None, more: str = "") -> Path:
    """Write the application to `folder`, with `changes` to its manifest and `more` entries."""
    manifest = MANIFEST + more
    for old, new in (changes or {}).items():
        assert old in manifest, f"the manifest has no {old!r}"
        manifest = manifest.replace(old, new)
    manifest = manifest.replace("MODULES", "http, queue, sql")
    return write_files(folder, {"_index.yaml": manifest, "h.py": HANDLERS})


def write_transactional(folder: Path, more: str = "") -> Path:
    """Like `write`, for handlers that may `write` a row in the transaction of the ack."""
    write(
        folder,
        {"func: work\n    concurrency": "func: work\n    transaction: db\n    concurrency"},
        more,
    )
    return _with_table(folder)


def write_normal(folder: Path) -> Path:
    """Like `write`, with `durability: normal`, for handlers that may `insert` a row: the event loop
    publishes, claims, inserts and acks."""
    return _with_table(
        write(folder, {"    database: db": "    database: db\n    durability: normal"})
    )


def _with_table(folder: Path) -> Path:
    (folder / "data").mkdir()
    with closing(sqlite3.connect(folder / "data" / "a.db")) as connection:
        connection.execute("CREATE TABLE written (id TEXT)")
    return folder


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a ledger; `when` is on the monotonic clock, which all processes share."""

    what: str
    id: str
    attempt: int
    when: float
    pid: int


def notes(folder: Path) -> list[Note]:
    """The lines of the ledger, oldest first."""
    file = folder / "ledger"
    lines = file.read_text().splitlines() if file.exists() else []
    found = []
    for line in lines:
        what, id, attempt, when, pid = line.split()
        found.append(Note(what, id, int(attempt), float(when), int(pid)))
    return found


def starts(folder: Path) -> Counter[str]:
    """The number of times a handler was started for each message id."""
    return Counter(note.id for note in notes(folder) if note.what == "start")


def ended(folder: Path) -> set[str]:
    """The ids of messages whose handler ran to its end."""
    return {note.id for note in notes(folder) if note.what == "end"}


def ended_twice(folder: Path) -> set[str]:
    """The ids of messages whose handler ran to its end more than once."""
    counts = Counter(note.id for note in notes(folder) if note.what == "end")
    return {id for id, count in counts.items() if count > 1}


def twice(folder: Path) -> int:
    """The number of starts beyond the first of each message."""
    counts = starts(folder)
    return counts.total() - len(counts)
