"""Answering: how soon management does so while the application cannot, and beside a long queue."""

from __future__ import annotations

import http.client
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep, time

from benchmarks.curve import Curve
from tests.support.blackbox import Site
from tests.support.managing import Managed, managed, sockets_folder
from tests.support.postgres_server import PostgresServer, bin_folder
from tests.support.program import write_application

PROBES = 40
LOOKS = 10
PAUSE = 1.05
"""Seconds between two looks: within one, the lengths of queues are not asked for again."""

BLOCKED = """
namespace: app
entries:
  - name: gateway
    kind: http.service
    addr: "127.0.0.1:0"
    drain_delay: 2s
    lifecycle: {auto_start: true}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: block, kind: http.endpoint, method: GET, path: "/{how}", func: file://h.py#block}
"""
HANDLER = """
import re, time

async def block(how: str):
    until = time.monotonic() + 3
    if how == "sleep":
        time.sleep(3)
    while how == "spin" and time.monotonic() < until:
        pass
    if how == "c":
        re.match("(a+)+$", "a" * 26 + "b")
"""
QUEUE = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: db, DATABASE, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.sql, database: db, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue}
"""
COLUMNS = "id, queue, state, priority, place, attempt, token, suspect, published, headers, body"
FILL = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO runtime_message ({COLUMNS})
SELECT 'message-' || i, 'tasks', 0, 0, 1000000000000000 + i, 0, 0, 0, 1e9, '', '{{}}' FROM n
"""
FILL_POSTGRES = """
INSERT INTO runtime_message (id, queue, state, priority, place, published, headers, body)
SELECT 'message-' || n, 'tasks', 0, 0, 1000000000000000 + n, 1000000000, '', '{}'
FROM generate_series(1, %s) AS n
"""
AT_ONCE = 50_000
COUNT_POSTGRES = "INSERT INTO runtime_length VALUES ('tasks', %s)"


def measure(quick: bool) -> Iterator[Curve]:
    with sockets_folder():
        yield _blocked()
        yield _waiting(10_000 if quick else 1_000_000)


def _blocked() -> Curve:
    rows: list[list[str | float]] = []
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        application = write_application(Path(folder) / "shop", BLOCKED, **{"h.py": HANDLER})
        with managed(application) as site:
            for title, how in (("idle", ""), ("time.sleep(3)", "sleep"), ("a spin", "spin")):
                spent, told = _probed(site, how)
                rows.append([title, *_percentiles(spent), told])
                figures[title] = max(spent)
            site.program.signal(signal.SIGTERM)
            began = monotonic()
            while site.get("/readyz").status == 200:
                pass
            figures["readyz is red"] = monotonic() - began
        with managed(application, "--workers", "2") as site:
            spent, _ = _probed(site, "c")
            rows.append(["a C call that holds the GIL, of 2 workers", *_percentiles(spent), ""])
            figures["C call"] = max(spent)
    return Curve(
        "answering",
        "Management: ms of /livez, beside what the event loop does",
        ["the loop", "p50", "p95", "max", "s until the log names the line"],
        rows,
        figures,
        f"/readyz is red {figures['readyz is red'] * 1000:.0f} ms after SIGTERM",
    )


def _probed(site: Managed, how: str) -> tuple[list[float], float | str]:
    """Milliseconds of each probe, and the seconds until the log named what keeps the loop."""
    before, began = len(site.program.log), time()
    asking = threading.Thread(target=Site(site.program).ask, args=("GET", f"/{how}"))
    if how:
        asking.start()
        sleep(0.5)
    spent = _asked(site, "/livez", PROBES, 0.05)
    told: float | str = ""
    if how:
        asking.join()
        held = [line for line in site.program.log[before:] if "has been held" in line["message"]]
        if held:
            told = datetime.fromisoformat(held[0]["time"]).timestamp() - began
            assert len(held) == 1, "it is said once"
    return spent, told


def _waiting(count: int) -> Curve:
    rows: list[list[str | float]] = []
    figures: dict[str, float] = {}
    for title, filled in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        if title == "PostgreSQL" and bin_folder() is None:
            continue
        with filled(count) as site:
            (queue,) = site.status["queues"]
            assert queue["ready"] == count
            for path in ("/metrics", "/api/status"):
                spent = _asked(site, path, LOOKS, PAUSE)
                rows.append([f"{title}, {path}", *_percentiles(spent)])
                figures[f"{title} {path}"] = sorted(spent)[len(spent) // 2]
    return Curve(
        "answering waiting",
        f"Management: ms to tell of {count:,} messages that wait",
        ["", "p50", "p95", "max"],
        rows,
        figures,
    )


@contextmanager
def _sqlite(count: int) -> Iterator[Managed]:
    def fill(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "app.db")) as connection:
            connection.execute(FILL, (count,))
            connection.commit()

    with _filled('kind: db.sql.sqlite, file: "./app.db"', fill) as site:
        yield site


@contextmanager
def _postgres(count: int) -> Iterator[Managed]:
    with PostgresServer(fsync=True).running() as server:

        def fill(folder: Path) -> None:
            for first in range(0, count, AT_ONCE):  # each within the server's time for one
                server.execute(FILL_POSTGRES, min(AT_ONCE, count - first))
            server.execute(COUNT_POSTGRES, count)
            server.execute("VACUUM ANALYZE runtime_message")

        with _filled(f'kind: db.sql.postgres, dsn: "{server.url}"', fill) as site:
            yield site


@contextmanager
def _filled(database: str, fill: Callable[[Path], None]) -> Iterator[Managed]:
    """A program whose queue was filled after an earlier one had made the tables."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = QUEUE.replace("DATABASE", database)
        application = write_application(Path(folder) / "shop", manifest)
        with managed(application) as first:
            first.program.stop()
        fill(application)
        with managed(application) as site:
            yield site


def _asked(site: Managed, path: str, count: int, pause: float) -> list[float]:
    """Milliseconds of each of so many requests on one connection."""
    spent = []
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        for _ in range(count):
            began = monotonic()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            spent.append((monotonic() - began) * 1000)
            assert answer.status == 200
            sleep(pause)
    return spent


def _percentiles(values: Sequence[float]) -> list[float]:
    ranked = sorted(values)
    return [ranked[int((len(ranked) - 1) * share)] for share in (0.5, 0.95, 1)]
