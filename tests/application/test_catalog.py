"""The catalog: entries with their lines and references, and without secrets."""

from __future__ import annotations

from pathlib import Path

from runtime.application.catalog import catalog
from runtime.engines.management.catalog import Catalog
from runtime.linking.linker import link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import EXAMPLE, write_files

MANIFEST = """
namespace: app
entries:
  # the database
  - name: db
    kind: db.sql.postgres
    dsn: "postgresql://user:canary-1@host/shop"
    password: ${env:PASSWORD}

  - name: token
    kind: auth.jwt
    algorithms: [HS256]
    secret: "canary-2-canary-2-canary-2-canary-2"
  - {name: other, kind: auth.jwt, algorithms: [HS256], secret: canary-8-canary-8-canary-8-canary-8}
  - name: watch
    kind: process.command
    command: [watch, --all]
    environment:
      API_TOKEN: canary-3
      OTHER: "${secret:other}"
      MODE: fast
    lifecycle: {auto_start: true}

  # nothing below
"""


def made(folder: Path, manifest: str, *overrides: str) -> Catalog:
    write_files(folder, {"_index.yaml": manifest})
    environment = {"PASSWORD": "canary-4", "other": "canary-5"}
    manifest_read = read(folder, [Override.parse(each) for each in overrides], environment)
    return catalog(link(manifest_read, Registry()))


def test_every_entry_has_its_lines_and_no_others(tmp_path: Path) -> None:
    found = made(tmp_path, MANIFEST)

    assert found.entries["app:db"].where == "_index.yaml:4"
    assert found.entries["app:db"].text.splitlines() == [
        "- name: db",
        "  kind: db.sql.postgres",
        '  dsn: "postgresql://user:***@host/shop"',
        "  password: ${env:PASSWORD}",
    ]
    assert found.entries["app:watch"].text.splitlines()[-1].strip() == (
        "lifecycle: {auto_start: true}"
    )


def test_no_secret_is_in_it_wherever_it_was_written(tmp_path: Path) -> None:
    found = made(tmp_path, MANIFEST, "app:watch:environment.MODE=canary-6")

    assert "canary" not in repr(found)
    assert "API_TOKEN: ***" in found.entries["app:watch"].text
    assert "MODE: fast" in found.entries["app:watch"].text


def test_what_changed_an_entry_is_named_without_its_value(tmp_path: Path) -> None:
    found = made(tmp_path, MANIFEST, "app:db:dsn=postgresql://canary-7@host/db")

    assert found.entries["app:db"].changed_by
    assert "canary-7" not in repr(found)


def test_references_are_told_with_the_field_or_the_call() -> None:
    found = catalog(link(read(EXAMPLE, environment={}), Registry()))

    told = {(each.source, each.target, each.by, each.in_code) for each in found.references}
    assert ("app:task_consumer", "app:tasks_queue", "queue", False) in told
    assert ("app:create_task", "app:tasks_queue", "queue.publish", True) in told
    assert ("app:migrate-service", "app:db", "lifecycle.requires", False) in told
    assert [each.source for each in found.needed_by("app:tasks_queue")] == [
        "app:create_task",
        "app:task_consumer",
    ]
    assert found.entries["app:process_task"].handler == "process_task.py#main"
    assert found.entries["app:gateway"].facts["addr"] == ":8080"
    assert found.entries["app:gateway"].runs
    assert not found.entries["app:router"].runs
