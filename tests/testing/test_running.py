"""running: what an application is started with, what its start may raise, and what it leaves."""

from __future__ import annotations

import gc
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.service import StartError
from runtime.testing import LoopBlocked, running
from tests.support.blackbox import EXAMPLE
from tests.testing.application import DATABASE, endpoint, write

SHOWING = """
    from runtime.modules import registry

    async def show(request):
        return {"text": registry.get("text")["value"]}

    async def work(body):
        pass
"""
TEXT = """
  - {name: text, kind: registry.entry, value: "${env:SHOP_TEXT|none}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, SHOWING, TEXT, DATABASE, endpoint("show", "GET"))


def test_overrides_files_and_variables_change_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text("app:text: {value: file}\n", encoding="utf-8")

    for options, text in (
        ({}, "none"),
        ({"environment": {"SHOP_TEXT": "variable"}}, "variable"),
        ({"files": [tmp_path / "test.yaml"]}, "file"),
    ):
        with running(folder, **options) as app:
            assert app.get("/show").json() == {"text": text}
    with running(folder, "app:text:value=override") as app:
        assert app.get("/show").json() == {"text": "override"}


def test_a_change_of_a_file_is_seen_by_the_next_application(folder: Path) -> None:
    with running(folder) as app:
        assert app.get("/show").json() == {"text": "none"}
    handlers = folder / "handlers.py"
    handlers.write_text(handlers.read_text().replace('["value"]', '["value"].upper()'))

    with running(folder) as app:
        assert app.get("/show").json() == {"text": "NONE"}


def test_each_application_has_modules_and_data_of_its_own(tmp_path: Path) -> None:
    handlers = """
        from runtime.modules import sql

        seen = []

        async def count(request):
            seen.append(1)
            db = sql.get("app:db")
            await db.execute("CREATE TABLE IF NOT EXISTS t (x)")
            await db.execute("INSERT INTO t VALUES (1)")
            return [len(seen), len(await db.query("SELECT * FROM t"))]

        async def work(body):
            pass
    """
    write(tmp_path, handlers, DATABASE, endpoint("count", "GET"))
    with running(tmp_path) as first, running(tmp_path) as second:
        assert first.get("/count").json() == [1, 1]
        assert first.get("/count").json() == [2, 2]
        assert second.get("/count").json() == [1, 1]

    assert not (tmp_path / "data").exists()


def test_a_file_of_an_override_is_used(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.db"
    with running(folder, f"app:db:file={file}") as app:
        app.sql("db").execute("CREATE TABLE mine (x)")

    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == []
    connection.close()


def test_findings_are_raised(tmp_path: Path) -> None:
    write(tmp_path, SHOWING, "\n  - {name: x, kind: no.such}\n")
    with pytest.raises(ManifestError, match=r"unknown kind 'no\.such'"):
        running(tmp_path).__enter__()
    with pytest.raises(ValueError, match="is not an override"):
        running(tmp_path, "nonsense").__enter__()


def test_a_start_that_fails_is_raised_and_leaves_nothing(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    write(tmp_path, "import no_such_module\n\nasync def work(body):\n    pass\n", DATABASE)
    with pytest.raises(StartError, match="no_such_module"):
        running(tmp_path).__enter__()
    write(tmp_path, SHOWING, DATABASE)
    with pytest.raises(StartError, match="app:db could not start"):
        running(tmp_path, "app:db:file=/proc/no/such.db").__enter__()

    assert threads.issuperset(threading.enumerate())


def test_what_handlers_get_is_there_for_tests(tmp_path: Path) -> None:
    handlers = """
        def client(name):
            yield name.upper()

        async def work(body):
            pass
    """
    resource = """
  - name: client
    kind: resource.python
    source: file://handlers.py
    method: client
    options: {name: bread}
"""
    with running(write(tmp_path, handlers, resource)) as app:
        assert app.resource("client") == "BREAD"
        assert app.component("app:jobs").id == "app:jobs"
        with pytest.raises(LookupError, match="no entry 'app:clint'; did you mean 'app:client'"):
            app.component("app:clint")
        with pytest.raises(TypeError, match="'app:client' is no database"):
            app.sql("client")
        with pytest.raises(TypeError, match="'client' is no queue"):
            app.published("client")


def test_a_loop_that_is_held_is_named(tmp_path: Path) -> None:
    handlers = """
        import time

        async def hold(request):
            time.sleep(2)

        async def work(body):
            pass
    """
    with running(write(tmp_path, handlers, endpoint("hold"))) as app:
        with pytest.raises(TimeoutError, match=r"app:hold has had POST /hold .*handlers\.py:5"):
            app.post("/hold", limit=0.2)
        with pytest.raises(LoopBlocked, match=r"handlers.py:5 \(hold\)"):
            app.drain(limit=0.1)


@pytest.fixture
def counted() -> Iterator[None]:
    """Fails if applications leave threads, modules or themselves behind."""
    with running(EXAMPLE):
        pass
    gc.collect()
    threads, modules = set(threading.enumerate()), set(sys.modules)
    objects = len(gc.get_objects())
    yield
    gc.collect()
    assert threads.issuperset(threading.enumerate())
    assert modules.issuperset(sys.modules)
    assert len(gc.get_objects()) < objects * 1.05


def test_twenty_applications_leave_nothing_behind(counted: None) -> None:
    for _ in range(20):
        with running(EXAMPLE) as app:
            app.post("/tasks", json={"action": "noop"})
            app.call("process_task", {"id": "1", "action": "", "data": {}, "created_at": 1})


def test_an_application_that_has_ended_says_so() -> None:
    with running(EXAMPLE) as app:
        pass

    with pytest.raises(RuntimeError, match="has ended; use it within its 'with' block"):
        app.get("/tasks")


def test_a_name_that_no_entry_has_is_told_with_the_one_that_is_meant() -> None:
    problem = "no entry 'app:taks_queue'; did you mean 'app:tasks_queue'"
    with running(EXAMPLE) as app, pytest.raises(LookupError, match=problem):
        app.publish("taks_queue", 1)
