"""Night: an application at one moment of a made-up night, for pages without a program behind."""

from __future__ import annotations

import math

from msgspec.structs import replace

from runtime.engines.management.catalog import Catalog, EntryRecord, Reference
from runtime.engines.management.history import STEP, History
from runtime.engines.management.lanes import Bar, Lanes
from runtime.engines.management.letters import Excerpt, Frame, Letter
from runtime.engines.management.pages.sight import Right, Sight
from runtime.engines.management.snapshot import (
    Cause,
    EndpointStatus,
    Lag,
    Occupancy,
    QueueStatus,
    ServiceStatus,
    Snapshot,
    Verdict,
)
from runtime.engines.management.traces.errors import ErrorGroup
from runtime.engines.management.traces.routes import TraceSummary
from runtime.engines.management.traces.waterfall import Line, Row, Waterfall
from runtime.units import format_time

NOW = 1_795_745_670.0
"""02:14:30 in UTC."""
STARTED = NOW - 6 * 86400 - 3 * 3600


iso = format_time


def service(id: str, kind: str, **fields: object) -> ServiceStatus:
    given = {"state": "running", "since": iso(STARTED), "ready": True, **fields}
    return ServiceStatus(id=id, kind=kind, **given)  # type: ignore[arg-type]


SNAPSHOT = Snapshot(
    app="task-queue",
    version="0.2.0",
    pid=4121,
    started=iso(STARTED),
    generation=7,
    state="running",
    age=0.1,
    lag=Lag(0.0012, 0.038),
    verdict=Verdict(
        "warn",
        "Everything runs. Three messages died in the last 15 minutes, and app:tasks_queue is "
        "catching up.",
        (
            Cause("dead", "app:tasks_queue", 3, "TypeError@process_task.py:22"),
            Cause("backlog", "app:tasks_queue", 116),
        ),
    ),
    services=(
        service("app:db", "db.sql.sqlite", where="./data/tasks.db"),
        service("app:queue_driver", "queue.driver.sql"),
        service("app:processes", "process.host"),
        service("app:migrate-service", "process.service", state="exited", ready=False),
        service(
            "app:task_consumer",
            "queue.consumer",
            restarts=1,
            last_poll=0.1,
            workers=Occupancy(2, 2),
        ),
        service("app:gateway", "http.service", where="http://127.0.0.1:8080"),
    ),
    queues=(
        QueueStatus(
            "app:tasks_queue",
            ready=112,
            delayed=4,
            running=2,
            dead=3,
            oldest=6.1,
            in_rate=17.8,
            out_rate=19.6,
            empty_in=66.0,
            max_length=1000,
        ),
    ),
    endpoints=(
        EndpointStatus("app:create_task.endpoint", "POST /tasks", 17.8, 0.0012, 0.0023),
        EndpointStatus("app:list_tasks.endpoint", "GET /tasks", 2.1, 0.0031, 0.0038),
    ),
)


def record(id: str, kind: str, line: int, text: str = "", **facts: str) -> EntryRecord:
    name = id.partition(":")[2]
    whole = text or f"- name: {name}\n  kind: {kind}"
    whole += "".join(f"\n  {key}: {value}" for key, value in facts.items())
    return EntryRecord(id, kind, f"src/_index.yaml:{line}", whole, line, facts)


ENTRIES = (
    record("app:db", "db.sql.sqlite", 7, file="./data/tasks.db"),
    record("app:queue_driver", "queue.driver.sql", 14),
    record("app:tasks_queue", "queue.queue", 20),
    record("app:gateway", "http.service", 25, addr=":8080"),
    record("app:router", "http.router", 32),
    record("app:migrate", "process.python", 38),
    record("app:migrate-service", "process.service", 46),
    record("app:processes", "process.host", 57),
    record("app:create_task", "function.python", 63),
    record("app:list_tasks", "function.python", 73),
    record("app:process_task", "function.python", 82),
    record("app:create_task.endpoint", "http.endpoint", 94, method="POST", path="/tasks"),
    record("app:list_tasks.endpoint", "http.endpoint", 102, method="GET", path="/tasks"),
    record("app:task_consumer", "queue.consumer", 111, concurrency="2", prefetch="5"),
)
REFERENCES = (
    Reference("app:tasks_queue", "app:queue_driver", "driver"),
    Reference("app:router", "app:gateway", "meta.server"),
    Reference("app:migrate", "app:db", "sql.get", in_code=True),
    Reference("app:migrate-service", "app:migrate", "process"),
    Reference("app:migrate-service", "app:processes", "host"),
    Reference("app:create_task", "app:tasks_queue", "queue.publish", in_code=True),
    Reference("app:list_tasks", "app:db", "sql.get", in_code=True),
    Reference("app:process_task", "app:db", "sql.get", in_code=True),
    Reference("app:create_task.endpoint", "app:router", "meta.router"),
    Reference("app:create_task.endpoint", "app:create_task", "func"),
    Reference("app:list_tasks.endpoint", "app:router", "meta.router"),
    Reference("app:list_tasks.endpoint", "app:list_tasks", "func"),
    Reference("app:task_consumer", "app:tasks_queue", "queue"),
    Reference("app:task_consumer", "app:process_task", "func"),
)
CATALOG = Catalog("examples/task-queue", {each.id: each for each in ENTRIES}, REFERENCES)

LETTERS = [
    Letter(
        id=f"b81f6c2e-77d1-4f0a-9c1b-000000000{number}",
        queue="app:tasks_queue",
        reason="attempts",
        error="TypeError: unsupported operand type(s) for +: 'int' and 'str'",
        attempts=10,
        published=iso(NOW - 690 - 20 * index),
        died=iso(NOW - 88 - 25 * index),
        size=148,
        headers=("traceparent",),
        frames=(Frame("process_task.py", 22, "main", True),),
    )
    for index, number in enumerate(("bf7", "bf2", "be9"))
]
SOURCE = Excerpt(
    20,
    (
        '        result = {"output": data.get("text", "").upper()}',
        '    elif task["action"] == "sum":',
        '        result = {"output": sum(data.get("numbers", []))}',
        "    else:",
        '        result = {"output": "processed"}',
    ),
)


def history() -> History:
    """Fifteen minutes with a burst in them, in which three messages die."""
    told, waiting = History(), 0.0
    (queue,), (post, get) = SNAPSHOT.queues, SNAPSHOT.endpoints
    for point in range(181):
        wave = math.sin(point) * 0.7
        incoming = (46 if 88 <= point < 95 else 17.8) + wave
        done = min(19.6, waiting / STEP + incoming)
        waiting = max(0.0, waiting + (incoming - done) * STEP)
        dead = (point > 142) + (point > 143) + (point > 151)
        status = replace(
            queue,
            ready=round(waiting),
            delayed=0,
            in_rate=incoming,
            out_rate=done,
            dead=dead,
        )
        moment = replace(
            SNAPSHOT,
            queues=(status,),
            endpoints=(replace(post, rate=incoming), replace(get, rate=2.1 + wave / 3)),
            lag=Lag(0.0011 + (0.003 if 88 <= point < 95 else 0.0)),
        )
        told.note(moment, NOW - 900 + point * STEP)
    return told


def lanes() -> Lanes:
    """Two workers that take a tenth of a second for each message."""
    workers = []
    for worker, offset in ((0, 0.02), (1, 0.06)):
        ends = [offset + 0.103 * number for number in range(60)][::-1]
        done = [
            Bar(end + 0.1, end, number in (40, 47) and worker == number % 2)
            for number, end in enumerate(ends)
        ]
        workers.append([*done, Bar(offset, None)])
    return Lanes({"app:task_consumer": workers})


ATTEMPT = "process app:tasks_queue, attempt"
ROWS = [
    Row("POST /tasks", 0, 0.0, 0.0023, "ok", "http.request", "app:gateway", "202", span_id="1"),
    Row("create_task", 1, 0.0003, 0.0021, "ok", "handler.call", "app:create_task"),
    Row("send app:tasks_queue", 2, 0.0009, 0.002, "ok", "queue.publish", "app:tasks_queue"),
    Row("waits in app:tasks_queue", 1, 0.0023, 0.0162, "wait"),
    Row(f"{ATTEMPT} 1", 1, 0.0162, 0.1176, "failed", "queue.process", span_id="2",
        note="OperationalError: database is locked at process_task.py:41"),
    Row("INSERT tasks", 2, 0.1169, 0.1174, "failed", "sql.statement", "app:db"),
    Row("waits for its retry", 1, 0.1176, 1.262, "wait"),
    Row(f"{ATTEMPT} 2", 1, 1.262, 1.3709, "ok", "queue.process", span_id="3"),
    Row("INSERT tasks", 2, 1.3692, 1.3699, "ok", "sql.statement", "app:db"),
]  # fmt: skip
LINES = [
    Line(0.0169, "info", "processing task", "2"),
    Line(0.1175, "warning", "failed on attempt 1 of 10, next in 1.14 s: OperationalError: "
         "database is locked", "2"),
    Line(1.2625, "info", "processing task", "3"),
    Line(1.3708, "info", "task completed", "3"),
]  # fmt: skip
TRACE = Waterfall(
    "4bf92f3577b34da6a3ce929d0e0e4736", "POST /tasks → app:tasks_queue → process_task → tasks",
    iso(NOW - 32), 1.3714, False, ROWS, LINES,
)  # fmt: skip
TRACES = [
    TraceSummary(
        "4bf92f35" * 4, TRACE.title, "app:gateway", iso(NOW - 32), 1.3714, False, 7, False, "r"
    ),
    TraceSummary(
        "5bf92f35" * 4, "GET /tasks", "app:gateway", iso(NOW - 28), 0.0094, False, 3, True, "q"
    ),
]
ERRORS = [
    ErrorGroup("TypeError", "process_task.py:22", "unsupported operand type(s) for +: 'int' and "
               "'str'", "app:process_task", 52, iso(NOW - 700), iso(NOW - 88), trace_id="4bf9"),
    ErrorGroup("OperationalError", "process_task.py:41", "database is locked", "app:process_task",
               5, iso(NOW - 500), iso(NOW - 32), "warning"),
]  # fmt: skip


def sight(*, may_act: bool = False, snapshot: Snapshot = SNAPSHOT) -> Sight:
    """The night as it is at 02:14:30."""
    right = Right(may_act, token="form-token" if may_act else "", signed_in=may_act)
    return Sight(snapshot, history(), CATALOG, NOW, right, 2, (*TRACES,), lanes())
