"""Paths mean what they meant at the start, whatever a handler makes the working directory."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from runtime.manifest.reader import read
from tests.support.blackbox import FREE_PORT
from tests.support.program import Program, running, write_application

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: ./data/a.db, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.sql, database: db, lease: 600ms, heartbeat: 200ms}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: worker, kind: queue.consumer, queue: tasks, func: work, lifecycle: {auto_start: true}}
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: files, kind: http.static, meta: {server: gateway}, path: /files, directory: ./public}
  - {name: to-put, kind: http.endpoint, meta: {router: router}, method: GET, path: /put, func: put}
  - {name: to-move, kind: http.endpoint, meta: {router: router}, method: GET, path: /go, func: move}
  - {name: put, kind: function.python, source: "file://h.py", method: put, modules: [queue]}
  - {name: move, kind: function.python, source: "file://h.py", method: move, modules: [queue]}
  - {name: work, kind: function.python, source: "file://w.py", method: work, modules: [logger, sql]}
"""
PUT = """
import os
from runtime.modules import queue

async def put():
    await queue.publish("tasks", 1)
    return "put"

async def move():
    os.chdir("/")
    return os.getcwd()
"""
WORK = """
from runtime.modules import logger, sql

async def work(n):
    await sql.get("db").execute("CREATE TABLE IF NOT EXISTS done (n)")
    await sql.get("db").execute("INSERT INTO done VALUES (?)", [n])
    logger.info("did one")
"""


def get(program: Program, path: str) -> str:
    with urllib.request.urlopen(program.url(path), timeout=10) as reply:
        text: str = reply.read().decode()
        return text


def test_a_handler_that_changes_the_working_directory_takes_nothing_away(tmp_path: Path) -> None:
    files = {"h.py": PUT, "w.py": WORK, "public/a.txt": "hello"}
    folder = write_application(tmp_path / "app", MANIFEST, **files)
    with running(".", "-o", FREE_PORT, cwd=folder) as program:
        assert get(program, "/go") == "/"
        beats = len(program.log)
        for _ in range(3):
            assert get(program, "/put") == "put"
        program.wait_for(lambda line: program.messages.count("did one") == 3)
        assert get(program, "/files/a.txt") == "hello"
        assert program.stop() == 0
        assert [line["level"] for line in program.log[beats:] if line["level"] != "info"] == []
    assert [path.name for path in (folder / "data").iterdir()] == ["a.db"]


def test_the_folders_of_a_manifest_are_absolute_and_its_findings_as_short_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_application(tmp_path / "app", MANIFEST, **{"sub/_index.yaml": "namespace: b\n"})
    monkeypatch.chdir(folder)
    manifest = read(Path())
    monkeypatch.chdir("/")

    assert manifest.folder == folder
    assert {entry.folder for entry in manifest.entries.values()} == {folder}
    assert {finding.position.file for finding in manifest.findings} == {"sub/_index.yaml"}


def test_an_application_in_a_folder_that_was_deleted_is_no_application(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = f"import asyncio, os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})"
    with running(".", before=before, ready=False) as program:
        assert program.wait() == 3
        assert "no _index.yaml here" in program.stderr
        assert "Traceback" not in program.stderr
