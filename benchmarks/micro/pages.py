"""Pages: what it takes to make pages of the dashboard, and to keep a line of the log for them."""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable, Iterator
from statistics import median
from time import process_time

from benchmarks.curve import Curve
from runtime.engines.management.catalog import Catalog, EntryRecord, Reference
from runtime.engines.management.history import POINTS, STEP, History
from runtime.engines.management.log_lines import LogLines
from runtime.engines.management.pages import entries, overview, queues, services
from runtime.engines.management.pages.assets import assets
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import (
    EndpointStatus,
    Occupancy,
    QueueStatus,
    ServiceStatus,
    Snapshot,
)
from runtime.log.log import Log

NOW = 1_795_745_670.0
SINCE = "2026-11-28T01:14:30Z"
SIZES = (4, 40)
"""Work units of an application: 20 and 200 entries."""


def measure(quick: bool) -> Iterator[Curve]:
    times = 5 if quick else 25
    rows, first_load = [], 0.0
    for units in SIZES:
        row = _row(application(units), times)
        first_load = first_load or row[-1]
        rows.append([5 * units, *row])
    yield Curve(
        "pages",
        "Dashboard: ms of processor a page, and KB of a first load of the overview",
        ["entries", "overview, first", "overview", "queue", "entries and services", "KB"],
        rows,
        {"overview": float(rows[0][1]), "200 entries": float(rows[1][1]), "KB": first_load},
        "first: with the drawing of the graph, which is made once a manifest; compressed by gzip",
    )
    lines = 20_000 if quick else 100_000
    pairs = [(_line(lines, kept=False), _line(lines, kept=True)) for _ in range(5)]
    least, more = median(a for a, _ in pairs), median(b - a for a, b in pairs)
    yield Curve(
        "log lines",
        "Log: CPU µs of a line, and of keeping it for the dashboard",
        ["", "not kept", "kept", "more"],
        [["a line", least, least + more, more]],
        {"more": more},
        "JSON, with two fields and an id, into memory",
    )


def _row(sight: Sight, times: int) -> list[float]:
    flow = Flow()
    page = overview.render(sight, flow)
    (queue, *_) = sight.snapshot.queues
    return [
        min(_milliseconds(lambda: overview.render(sight, Flow()), 3)),
        median(_milliseconds(lambda: overview.render(sight, flow), times)),
        median(_milliseconds(lambda: queues.render_one(sight, queue), times)),
        median(_milliseconds(lambda: _listings(sight), times)),
        _compressed(page.encode()) + sum(_compressed(each.data) for each in assets().values()),
    ]


def _listings(sight: Sight) -> None:
    entries.render_all(sight)
    services.render_all(sight)


def application(units: int) -> Sight:
    """Each unit is an endpoint, its function, a queue, its consumer and the function of that."""
    records = [EntryRecord("app:gateway", "http.service", "a:1", "")]
    references, services_, queues_, endpoints = [], [], [], []
    services_.append(ServiceStatus("app:gateway", "http.service", "running", SINCE, ready=True))
    for n in range(units):
        kinds = {
            f"app:post{n}": "http.endpoint",
            f"app:create{n}": "function.python",
            f"app:queue{n}": "queue.queue",
            f"app:work{n}": "queue.consumer",
            f"app:process{n}": "function.python",
        }
        records += [EntryRecord(id, kind, f"a:{n}", "- name: x") for id, kind in kinds.items()]
        references += [
            Reference(f"app:post{n}", "app:gateway", "meta.server"),
            Reference(f"app:post{n}", f"app:create{n}", "func"),
            Reference(f"app:create{n}", f"app:queue{n}", "queue.publish", in_code=True),
            Reference(f"app:work{n}", f"app:queue{n}", "queue"),
            Reference(f"app:work{n}", f"app:process{n}", "func"),
            Reference(
                f"app:process{n}", f"app:queue{(n * 7 + 1) % units}", "queue.publish", in_code=True
            ),
        ]
        busy = Occupancy(1, 2)
        services_.append(
            ServiceStatus(
                f"app:work{n}", "queue.consumer", "running", SINCE, ready=True, workers=busy
            )
        )
        queues_.append(QueueStatus(f"app:queue{n}", 5, 1, 1, 0, in_rate=9.0, out_rate=9.0))
        endpoints.append(EndpointStatus(f"app:post{n}", f"POST /{n}", 9.0, 0.001, 0.002))
    snapshot = Snapshot(
        "bench", "0", 1, SINCE, 1, "running",
        services=tuple(services_), queues=tuple(queues_), endpoints=tuple(endpoints),
    )  # fmt: skip
    history = History()
    for point in range(POINTS):
        history.note(snapshot, NOW - (POINTS - point) * STEP)
    return Sight(
        snapshot, history, Catalog("bench", {e.id: e for e in records}, tuple(references)), NOW
    )


def _milliseconds(make: Callable[[], object], times: int) -> list[float]:
    found = []
    for _ in range(times):
        began = process_time()
        make()
        found.append((process_time() - began) * 1000)
    return found


def _compressed(data: bytes) -> float:
    return len(gzip.compress(data)) / 1000


def _line(times: int, *, kept: bool) -> float:
    log = Log(io.StringIO(), json=True)
    if kept:
        log.taps.append(LogLines(log.redact).tap)
    fields = {"action": "uppercase", "attempt": 1}
    ids = {"message_id": "b81f6c2e-77d1-4f0a-9c1b-000000000c41"}
    began = process_time()
    for _ in range(times):
        log.write(logging.INFO, "tasks", "processing task", "app:work", fields, ids)
    return (process_time() - began) / times * 1e6
