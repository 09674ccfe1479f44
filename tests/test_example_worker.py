"""The worker, the migration and the stop of the repository's example."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from tests.support.blackbox import EXAMPLE, FREE_PORT, eventually, execute, running
from tests.support.example import complete, copy, post, row, rows

pytestmark = pytest.mark.slow

IMPATIENT = ("app:tasks_queue:retry.initial_delay=20ms", "app:tasks_queue:retry.jitter=0")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return copy(tmp_path)


def test_two_workers_share_ten_tasks_and_no_post_waits_for_them(example: Path) -> None:
    with running(example, FREE_PORT) as site:
        site.ask("GET", "/tasks")
        began = monotonic()
        for _ in range(10):
            assert post(site, {"action": "x"}).status == 202
        assert len(rows(site)) < 10  # each post that waited for its task would have brought its row
        eventually(lambda: len(rows(site)) == 10)

        assert monotonic() - began >= 0.4


def test_a_stop_finishes_what_is_in_hand_and_a_restart_keeps_the_rows(example: Path) -> None:
    with running(example, FREE_PORT) as site:
        for _ in range(20):
            post(site, {"action": "x"})
        assert site.stop() == 0

        begun = [event["fields"]["id"] for event in site.lines("^processing task")]
        finished = [event["fields"]["id"] for event in site.lines("^task completed")]
        assert sorted(begun) == sorted(finished)
        assert len(begun) < 20
        (loss,) = site.lines("in memory only and ends? with this program")
        assert loss["fields"]["queues"] == {"tasks_queue": 20 - len(finished)}

    with running(example, FREE_PORT) as site:
        post(site, {"action": "after"})
        eventually(lambda: len(rows(site)) == len(finished) + 1)

        kept = {task["id"] for task in rows(site)}
        assert set(finished) <= kept
        assert site.stop() == 0


def test_a_poisoned_task_is_retried_ever_later_and_given_up_while_others_go_on(
    example: Path,
) -> None:
    options = (*IMPATIENT, "app:tasks_queue:dead_letter.max_attempts=4")
    with running(example, FREE_PORT, *options) as site:
        poison = post(site, {"action": "sum", "data": {"numbers": ["x"]}}).json["id"]
        assert complete(site, {"action": "sum", "data": {"numbers": [1]}})["status"] == "completed"
        final = site.line("gave up on a message")
        retries = site.lines("failed on attempt")

        assert final["fields"]["reason"] == "attempts"
        assert final["fields"]["attempt"] == 4
        assert "TypeError" in final["message"]
        assert [event["fields"]["attempt"] for event in retries] == [1, 2, 3]
        waits = [event["fields"]["next"] for event in retries]
        assert all(later > sooner for sooner, later in pairwise(waits))
        assert row(site, poison) is None
        assert site.stop() == 0
        assert len(site.lines("gave up on a message")) == 1


def test_a_task_whose_row_cannot_be_stored_is_tried_again(example: Path) -> None:
    with running(example, FREE_PORT, *IMPATIENT) as site:
        site.ask("GET", "/tasks")
        with closing(sqlite3.connect(example / "data" / "tasks.db")) as db:
            db.execute("ALTER TABLE tasks RENAME TO away")
            id = post(site, {"action": "x"}).json["id"]
            site.line("^failed to store result")
            failed = site.ask("GET", "/tasks")
            db.execute("ALTER TABLE away RENAME TO tasks")

        assert failed.status == 500
        assert failed.body == '{"error":"query falló"}'.encode()
        assert eventually(lambda: row(site, id))
        assert site.stop() == 0


def test_the_migration_ends_once_and_is_not_started_again(example: Path) -> None:
    options = ("app:migrate-service:lifecycle.restart.initial_delay=1ms",)
    with running(example, FREE_PORT, *options) as site:
        complete(site, {"action": "x"})
        assert site.stop() == 0

        assert len(site.lines("^migration complete")) == 1
        assert len(site.lines("^app:migrate-service has ended")) == 1


def test_a_migration_that_returns_one_stops_the_start(example: Path) -> None:
    (example / "src" / "migrate.py").write_text("async def main():\n    return 1\n")

    ended = execute("run", str(example), "-o", FREE_PORT, "--log-format", "console")

    assert ended.code == 4
    assert "app:migrate-service could not start: it ended with exit code 1" in ended.err
    assert "Traceback" not in ended.err
    assert "app:gateway is running" not in ended.err


def test_a_post_beyond_the_length_of_the_queue_is_refused(example: Path) -> None:
    length = "app:tasks_queue:driver_options.memory.max_length=3"
    with running(example, FREE_PORT, length) as site:
        replies = site.ask_many([("POST", "/tasks", {"action": "x"})] * 20)
        refused = [reply for reply in replies if reply.status != 202]
        accepted = {reply.json["id"] for reply in replies if reply.status == 202}

        assert refused
        for reply in refused:
            assert reply.status == 500
            assert reply.body == '{"error":"falló al encolar tarea"}'.encode()
        eventually(lambda: {task["id"] for task in rows(site)} == accepted)


def test_two_overrides_make_it_durable(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "src", tmp_path / "src")
    durable = (
        FREE_PORT,
        "app:queue_driver:kind=queue.driver.sql",
        "app:queue_driver:database=app:db",
    )
    with running(tmp_path, *durable) as site:
        accepted = {
            site.ask("POST", "/tasks", {"action": "sum", "data": {"numbers": [n]}}).json["id"]
            for n in range(20)
        }
        site.program.signal(signal.SIGKILL)
        site.program.wait()
    with running(tmp_path, *durable) as site:

        def stored() -> set[str]:
            return {row["id"] for row in site.ask("GET", "/tasks").json["tasks"]}

        eventually(lambda: stored() == accepted)
        assert site.stop() == 0
