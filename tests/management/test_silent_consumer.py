"""A consumer whose queue does not answer: not ready, until it answers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.blackbox import eventually
from tests.support.managing import Managed, managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - name: db
    kind: db.sql.sqlite
    file: ./app.db
    busy_timeout: 60s
    lifecycle: {auto_start: true}
  - {name: driver, kind: queue.driver.sql, database: db, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://h.py#work
    lifecycle: {auto_start: true}
"""
HANDLER = {"h.py": "async def work(body):\n    pass\n"}
IMPATIENT = """
from runtime.engines.management import health
health.SILENT = 0.5
"""


def why(site: Managed) -> str | None:
    """The reason for which the consumer is not ready."""
    checks = site.get("/readyz").json["checks"]
    return next((each["why"] for each in checks if each["name"] == "app:worker"), None)


def test_readiness_is_red_while_the_queue_of_a_consumer_is_silent(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **HANDLER)
    with managed(folder, before=IMPATIENT) as site:
        assert eventually(lambda: site.get("/readyz").status == 200)
        with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert eventually(lambda: "no poll for " in (why(site) or ""))
            assert site.get("/readyz").status == 503
            other.execute("ROLLBACK")
        assert eventually(lambda: site.get("/readyz").status == 200)
