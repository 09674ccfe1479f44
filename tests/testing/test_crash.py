"""crash and restart: a real process that dies, and the application on what it left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import Survived, running
from tests.support.blackbox import EXAMPLE
from tests.testing.application import DATABASE, endpoint, write

pytestmark = pytest.mark.slow

HANDLERS = """
    from runtime.modules import queue, sql

    async def work(number):
        db = sql.get("app:db")
        await db.execute("CREATE TABLE IF NOT EXISTS done (number INTEGER)")
        await db.execute("INSERT INTO done VALUES (?)", (number,))

    async def add(request):
        await queue.publish("app:jobs", 7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, HANDLERS, DATABASE, endpoint("add"))


def test_a_crash_loses_nothing() -> None:
    with running(EXAMPLE, durable=True) as app:
        app.post("/tasks", json={"action": "noop"})
        app.crash(at="queue.settle.before_commit")
        app.restart().drain("app:tasks_queue")
        assert app.sql("app:db").query_one("SELECT count(*) AS n FROM tasks") == {"n": 1}


def test_what_waits_while_a_consumer_is_paused_is_there_to_crash_with(folder: Path) -> None:
    with running(folder, durable=True) as app:
        with app.paused("worker"):
            app.publish("jobs", 1)
            app.crash(at="queue.settle.after_commit")
            app.restart()
        app.drain()

        assert app.published("jobs") == [1]
        assert app.sql("db").query("SELECT number FROM done") == [{"number": 1}]
        assert any("fault: queue.settle" in line.message for line in app.logs())


def test_requests_during_a_crash_go_to_the_program_that_dies(folder: Path) -> None:
    with running(folder, durable=True) as app:
        app.crash(at="queue.publish.after_commit", during=lambda: app.post("/add"))
        app.restart().drain("jobs")

        assert app.sql("db").query("SELECT number FROM done") == [{"number": 7}]


def test_without_a_failpoint_it_is_killed_at_the_end_of_what_it_does(folder: Path) -> None:
    with running(folder, durable=True) as app:
        app.crash(during=lambda: app.post("/add"))
        app.restart().drain("jobs")

        assert {"number": 7} in app.sql("db").query("SELECT number FROM done")


def test_after_a_crash_only_a_restart_helps_and_time_goes_on(folder: Path) -> None:
    with running(folder, durable=True) as app:
        app.advance("1h")
        before = app.now
        app.crash()
        with pytest.raises(RuntimeError, match="has crashed; call restart"):
            app.publish("jobs", 1)

        assert app.restart().now == before


def test_a_failpoint_that_is_not_passed_is_told(folder: Path) -> None:
    with running(folder, durable=True) as app:
        with pytest.raises(Survived, match=r"requeue\.before_commit' was not passed"):
            app.crash(at="queue.requeue.before_commit", limit=1)
        with pytest.raises(ValueError, match=r"no failpoint 'queue\.settle'; "):
            app.restart().crash(at="queue.settle")


def test_a_restart_keeps_what_is_durable_and_drops_what_is_in_memory(folder: Path) -> None:
    for durable, left in ((True, 1), (False, 0)):
        with running(folder, durable=durable) as app:
            with app.paused("worker"):
                app.publish("jobs", 1)
                app.restart()
                app.drain()
            assert len(app.sql("db").query("SELECT * FROM sqlite_master WHERE name='done'")) == left


def test_a_queue_is_made_durable_in_the_only_database(tmp_path: Path) -> None:
    write(tmp_path, HANDLERS, DATABASE, DATABASE.replace("name: db", "name: other"))
    with pytest.raises(ValueError, match="app:db, app:other; write the overrides app:driver:kind"):
        running(tmp_path, durable=True).__enter__()
