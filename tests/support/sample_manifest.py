"""An application in which the examples of every kind find what they refer to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry

OTHER_ENTRIES = """namespace: app
entries:
- {name: gateway, kind: http.service, addr: ":81"}
- {name: router, kind: http.router, meta: {server: gateway}, prefix: /p}
- {name: taken, kind: http.endpoint, meta: {router: router}, method: GET, path: /x, func: f}
- {name: queue_driver, kind: queue.driver.memory}
- {name: tasks_queue, kind: queue.queue, driver: queue_driver}
- {name: failed_mails, kind: queue.queue, driver: queue_driver}
- {name: reports, kind: queue.queue, driver: queue_driver}
- {name: cleanups, kind: queue.queue, driver: queue_driver}
- {name: news, kind: event.topic}
- {name: db, kind: db.sql.sqlite, file: ./x.db}
- {name: f, kind: function.python, source: file://h.py}
- {name: ticks, kind: function.python, source: file://h.py, method: ticks}
- {name: chat, kind: function.python, source: file://h.py, method: chat}
- {name: get_task, kind: function.python, source: file://h.py}
- {name: create_task, kind: function.python, source: file://h.py}
- {name: process_task, kind: function.python, source: file://h.py, method: one}
- {name: migrate, kind: process.python, source: file://h.py}
- {name: processes, kind: process.host}
"""

VARIABLES = {
    "TOKEN_SECRET": "for the example of auth.jwt, of 32 bytes",
    "OTLP_TOKEN": "for the example of telemetry.otlp",
}

registry = Registry()


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every example of every kind that is built in."""
    for kind in sorted(registry.built_in):
        for example in registry.schema(kind).document["examples"]:
            yield kind, example


def settle(folder: Path) -> Path:
    """Write the handlers that the examples name."""
    (folder / "h.py").write_text(
        "def main(): pass\ndef one(body): pass\nasync def ticks(): yield\n"
        "async def chat(socket): pass\nasync def talk(socket): pass\n"
    )
    for name in ("create_task", "migrate"):
        (folder / f"{name}.py").write_text("def main(): pass\ndef handler(): pass\n")
    (folder / "site.py").write_text("def app(): pass\ndef make(): pass\n")
    (folder / "login.py").write_text("def require_user(): pass\n")
    (folder / "resize.py").write_text(
        "def main(body): pass\ndef resize(body): pass\ndef one(body): pass\n"
    )
    (folder / "client.py").write_text("def client(base_url): yield\n")
    (folder / "model.py").write_text("def main(): yield\n")
    for name in ("templates", "pages"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "page.html").write_text("{{ site }}\n")
    for name in ("migrations", "sql"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "0001_tables.sql").write_text("SELECT 1;\n")
    return folder


def linked(
    folder: Path, entry: Mapping[str, Any], environment: Mapping[str, str]
) -> LinkedManifest:
    """An entry, under the name `subject`, among the others. Raises ManifestError."""
    subject = json.dumps({**entry, "name": "subject"})  # which is YAML too, and quick
    (folder / "_index.yaml").write_text(f"{OTHER_ENTRIES}- {subject}\n", encoding="utf-8")
    return link(read(folder, environment={**VARIABLES, **environment}), registry)


def findings(folder: Path, entry: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    try:
        linked(folder, entry, environment)
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return []


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key and item below a value."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))
