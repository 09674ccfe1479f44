"""What databases, drivers and schedules did, as Prometheus reads it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.blackbox import Site, eventually
from tests.support.managing import Managed, managed, samples
from tests.support.postgres_schema import PostgresSchema
from tests.support.program import write_application
from tests.support.server_process import require

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: put, kind: http.endpoint, method: POST, path: /, func: file://h.py#put}
  - {name: db, kind: db.sql.sqlite, file: ./app.db, lifecycle: {auto_start: true}}
  - name: driver
    kind: queue.driver.sql
    database: db
    lease: 2s
    heartbeat: 100ms
    lifecycle: {auto_start: true}
  - {name: tasks, kind: queue.queue}
  - name: each_second
    kind: schedule.cron
    every: 1s
    func: file://h.py#tick
    lifecycle: {auto_start: true}
  - name: skipped
    kind: schedule.cron
    every: 1s
    func: file://h.py#wait
    lifecycle: {auto_start: true}
"""
HANDLERS = """
import asyncio
from runtime.modules import queue

async def put():
    await queue.publish("app:tasks", 1)

async def tick():
    pass

async def wait():
    await asyncio.sleep(3600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})


@pytest.fixture
def site(folder: Path) -> Iterator[Managed]:
    with managed(folder) as site:
        yield site


def wait_for(site: Managed, name: str, labels: str) -> float:
    """The value of a series once it is more than nothing."""
    found = eventually(lambda: samples(site).get((name, labels)))
    assert found
    return found


def test_schedules_tell_what_they_fired_and_what_not(site: Managed) -> None:
    fired = wait_for(site, "runtime_cron_fired_total", "entry=app:each_second")
    wait_for(site, "runtime_cron_missed_total", "entry=app:skipped,reason=overlap")
    wait_for(site, "runtime_handler_duration_seconds_count", "caller=cron,entry=app:each_second")
    found = samples(site)

    assert found["runtime_cron_late_seconds_count", "entry=app:each_second"] >= fired
    last = found["runtime_cron_last_fired_timestamp_seconds", "entry=app:each_second"]
    assert found["runtime_cron_next_timestamp_seconds", "entry=app:each_second"] == last + 1
    assert found["runtime_cron_fired_total", "entry=app:skipped"] == 1
    assert site.service("app:each_second")["fires"]["next"].endswith("Z")


def test_a_database_tells_its_commits_and_its_journal(site: Managed) -> None:
    Site(site.program).ask("POST", "/")
    wait_for(site, "runtime_sqlite_commit_rows_count", "database=app:db")
    found = samples(site)

    rows = found["runtime_sqlite_commit_rows_sum", "database=app:db"]
    commits = found["runtime_sqlite_commit_rows_count", "database=app:db"]
    assert rows >= commits
    assert found["runtime_sqlite_write_wait_seconds_count", "database=app:db"] == commits
    assert found["runtime_sqlite_journal_bytes", "database=app:db"] > 0
    assert found["runtime_store_rejecting", "service=app:db"] == 0


def test_a_driver_tells_of_its_lease(site: Managed) -> None:
    wait_for(site, "runtime_lease_renewals_total", "driver=app:driver")
    found = samples(site)
    assert found["runtime_lease_held", "driver=app:driver"] == 1
    assert found["runtime_leases_lost_total", "driver=app:driver"] == 0
    assert found["runtime_store_unreachable", "service=app:driver"] == 0

    with closing(sqlite3.connect(site.folder / "app.db", timeout=10)) as connection:
        connection.execute("DELETE FROM runtime_owner")  # as another program does, once it expired
        connection.commit()
    assert wait_for(site, "runtime_leases_lost_total", "driver=app:driver") == 1


def test_reloads_that_are_refused_are_counted_apart(site: Managed) -> None:
    manifest = site.folder / "_index.yaml"
    manifest.write_text(MANIFEST + "  - {name: more, kind: queue.queue}\n")
    assert site.socket.post("/api/reload", {}).status == 200
    manifest.write_text(MANIFEST + "  - {name: more, kind: queue.quue}\n")
    assert site.socket.post("/api/reload", {}).status == 409

    found = samples(site)
    assert found["runtime_reloads_total", "result=done"] == 1
    assert found["runtime_reloads_total", "result=refused"] == 1


def test_workers_reload_once_and_are_refused_once(folder: Path) -> None:
    (folder / "_index.yaml").write_text(MANIFEST[: MANIFEST.index("  - name: each_second")])
    with managed(folder, "--workers", "2") as site:
        assert eventually(lambda: len(site.status["workers"]) == 2, 20)
        manifest = site.folder / "_index.yaml"
        text = manifest.read_text()
        manifest.write_text(text + "  - {name: more, kind: queue.queue}\n")
        assert site.socket.post("/api/reload", {}).status == 200
        manifest.write_text(text + "  - {name: more, kind: queue.quue}\n")
        assert site.socket.post("/api/reload", {}).status == 409

        def reloads() -> tuple[float, float]:
            found = samples(site)
            done, refused = (
                found["runtime_reloads_total", f"result={result}"] for result in ("done", "refused")
            )
            return done, refused

        assert eventually(lambda: reloads() == (1, 1))
        assert any("queue.quue" in text for text in site.status["refused"])


def test_a_paused_queue_says_so(site: Managed) -> None:
    assert samples(site)["runtime_queue_paused", "queue=app:tasks"] == 0
    site.socket.post("/api/operations/queue.pause", {"id": "app:tasks"})

    assert eventually(lambda: samples(site)["runtime_queue_paused", "queue=app:tasks"] == 1)


def test_a_postgres_database_tells_of_its_pool(tmp_path: Path, postgres: PostgresSchema) -> None:
    manifest = f"""
namespace: app
entries:
  - {{name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {{auto_start: true}}}}
  - {{name: db, kind: db.sql.postgres, dsn: "{postgres.url}", lifecycle: {{auto_start: true}}}}
"""
    with managed(write_application(tmp_path / "shop", manifest)) as site:
        found = samples(site)
        assert found["runtime_postgres_connections", "database=app:db,state=idle"] == 1
        assert found["runtime_postgres_waiting", "database=app:db"] == 0
        assert found["runtime_store_unreachable", "service=app:db"] == 0


def test_prometheus_itself_finds_nothing_to_mend(site: Managed) -> None:
    require("promtool", "prometheus", shutil.which("promtool") is not None)
    wait_for(site, "runtime_cron_missed_total", "entry=app:skipped,reason=overlap")
    text = site.get("/metrics").body
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
