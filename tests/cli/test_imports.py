"""runtime run imports what its application needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.program import running, write_application

NOT_NEEDED = {
    "psycopg": "is for an entry of kind db.sql.postgres",
    "runtime.engines.sql.postgres": "is for an entry of kind db.sql.postgres",
    "jsonschema": "explains what is wrong with a manifest, in 48 ms",
    "difflib": "finds what somebody meant to type",
    "runtime.schema.explain": "explains what jsonschema found",
    "runtime.cli.excerpt": "shows the lines of findings",
    "runtime.cli.bundle": "makes the schema for editors",
    "runtime.cli.page": "makes the pages of kinds",
    "pkgutil": "lists the kinds, of which a start asks for a few by name",
    "importlib.metadata": "finds kinds from outside, when one is named",
    "starlette.applications": "is not what dispatches here",
    "starlette.routing": "is not what dispatches here",
    "starlette.middleware.gzip": "is for a router that names it",
    "starlette.middleware.cors": "is for a router that names it",
    "starlette.staticfiles": "is for http.static",
    "runtime.engines.queue.sql": "is for queue.driver.sql",
    "runtime.engines.queue.amqp": "is for queue.driver.amqp",
    "runtime.engines.queue.memory.limited_subscription": "is for consumers with limits",
    "runtime.engines.queue.memory.partitioned_queue": "is for 'concurrency_by'",
    "runtime.engines.queue.partitions": "is for 'concurrency_by'",
    "runtime.engines.queue.rate": "is for consumers with a rate",
    "runtime.application.exchange": "is for a reload",
    "runtime.program.channel": "is for workers",
    "runtime.log.colours": "is for runtime dev",
    "runtime.engines.management.listener": "is for management, which can be off",
    "runtime.program.reload_operations": "is for management, which can be off",
    "runtime.program.tracing": "is for management and a collector",
    "runtime.engines.web.access_log": "is for an access log",
    "pika": "is for queue.driver.amqp",
    "uvicorn": "serves the applications that this one is measured against",
    "multiprocessing": "is for handlers that want it",
    "logging.config": "is for handlers that want it",
    "sysconfig": "tells whose code holds the loop, once it does",
    "runtime.manifest.env_file": "is for --env-file",
    "encodings.idna": "is for host names of other scripts",
    "httpx": "is for tests",
    "rich": "is nobody's",
}
"""Modules that take milliseconds to import, and their purpose."""


APPLICATION = """
namespace: app
entries:
  - {name: host, kind: process.host, lifecycle: {auto_start: true}}
  - {name: main, kind: process.python, source: file://main.py}
  - name: main-service
    kind: process.service
    process: main
    host: host
    type: oneshot
    lifecycle: {auto_start: true}
  - {name: server, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: server}}
  - {name: db, kind: db.sql.sqlite, file: a.db, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.memory}
  - {name: queue, kind: queue.queue, driver: driver}
  - {name: work, kind: function.python, source: file://main.py, method: work}
  - {name: consumer, kind: queue.consumer, queue: queue, func: work, lifecycle: {auto_start: true}}
"""


def test_what_a_start_does_not_need_is_not_imported(tmp_path: Path) -> None:
    source = f"""
import sys
def main():
    print("imported:", sorted(set({sorted(NOT_NEEDED)}) & set(sys.modules)), flush=True)
def work(message): ...
"""
    write_application(tmp_path, APPLICATION, **{"main.py": source})
    with running(tmp_path) as program:
        program.wait_for_output("imported: []")


NOT_BEFORE_THE_START = [
    "runtime.application.catalog",
    "runtime.application.operations.table",
    "runtime.application.outlook",
    "runtime.engines.management.door",
    "runtime.engines.management.history",
    "runtime.engines.management.source",
    "runtime.engines.management.verdict",
    "runtime.program.channel",
    "runtime.program.reload_operations",
]
"""Modules of management that its thread imports, once the application has started."""


def test_management_imports_before_the_start_what_counts_and_leaves_what_answers() -> None:
    code = f"""
import sys
import runtime.program.management
print(sorted({set(NOT_BEFORE_THE_START)} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
