"""Applications for the tests of the test kit, written into a folder."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

ENTRIES = """
version: "1.0"
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":8080", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: driver, kind: queue.driver.memory}
  - {name: jobs, kind: queue.queue, driver: driver}
  - name: worker
    kind: queue.consumer
    queue: jobs
    func: work
    lifecycle: {auto_start: true}
  - name: work
    kind: function.python
    source: file://handlers.py
    method: work
"""
"""A server, and a queue whose consumer calls `work` of `handlers.py`."""

DURABLE = (
    "app:driver:kind=queue.driver.sql",
    "app:driver:database=app:db",
)
"""Overrides for an application with `DATABASE`."""
DATABASE = """
  - {name: db, kind: db.sql.sqlite, file: ./data/app.db, lifecycle: {auto_start: true}}
"""


def endpoint(name: str, method: str = "POST", path: str = "") -> str:
    """Entries for an endpoint that calls the function `name` of `handlers.py`."""
    return f"""
  - name: {name}.endpoint
    kind: http.endpoint
    meta: {{router: router}}
    method: {method}
    path: {path or f"/{name}"}
    func: {name}
  - name: {name}
    kind: function.python
    source: file://handlers.py
    method: {name}
"""


def write(folder: Path, handlers: str, *entries: str) -> Path:
    """Write an application with `ENTRIES` and these, and return its folder."""
    (folder / "_index.yaml").write_text("".join((ENTRIES, *entries)), encoding="utf-8")
    (folder / "handlers.py").write_text(dedent(handlers), encoding="utf-8")
    return folder
