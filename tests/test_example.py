"""The example of the repository, as its users meet it: a process, a port, a file."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from time import monotonic, time
from typing import Any
from uuid import UUID

import pytest

from tests.support.blackbox import EXAMPLE, FREE_PORT, Reply, Site, eventually, execute, running

IMPATIENT = ("app:tasks_queue:retry.initial_delay=20ms", "app:tasks_queue:retry.jitter=0")


def copied(folder: Path) -> Path:
    """The example in a folder of its own, without any data."""
    target = folder / "task-queue"
    shutil.copytree(EXAMPLE, target, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return target


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One program for the cases that don't disturb each other."""
    with running(copied(tmp_path_factory.mktemp("shared")), FREE_PORT) as site:
        yield site
        assert site.stop() == 0


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return copied(tmp_path)


def post(site: Site, body: Any) -> Reply:
    return site.ask("POST", "/tasks", body, {"Content-Type": "application/json"})


def rows(site: Site) -> list[dict[str, Any]]:
    reply = site.ask("GET", "/tasks")
    assert reply.status == 200, reply.body
    tasks: list[dict[str, Any]] = reply.json["tasks"]
    return tasks


def row(site: Site, id: str) -> dict[str, Any] | None:
    return next((task for task in rows(site) if task["id"] == id), None)


def done(site: Site, body: Any) -> dict[str, Any]:
    """Post a task and wait for its row."""
    id = post(site, body).json["id"]
    return eventually(lambda: row(site, id)) or {}


def test_a_fresh_database_has_no_tasks_and_its_folder_is_made(example: Path) -> None:
    with running(example, FREE_PORT) as site:
        reply = site.ask("GET", "/tasks")

        assert reply.status == 200
        assert reply.body == b'{"tasks":[],"count":0}'
        assert reply.headers["content-type"] == "application/json"
        assert (example / "data" / "tasks.db").is_file()
        assert site.stop() == 0


def test_a_task_is_accepted_with_an_id_of_its_own(shared: Site) -> None:
    reply = post(shared, {"action": "uppercase", "data": {"text": "hello world"}})

    assert reply.status == 202
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json) == ["id", "status"]
    assert reply.json["status"] == "queued"
    assert UUID(reply.json["id"]).version == 4


def test_a_finished_task_is_listed_with_payload_result_and_times(shared: Site) -> None:
    before = int(time())

    task = done(shared, {"action": "uppercase", "data": {"text": "hello world"}})

    assert list(task) == ["id", "payload", "status", "result", "created_at", "processed_at"]
    assert task["status"] == "completed"
    assert json.loads(task["result"]) == {"output": "HELLO WORLD"}
    payload = json.loads(task["payload"])
    assert payload == {
        "id": task["id"],
        "action": "uppercase",
        "data": {"text": "hello world"},
        "created_at": task["created_at"],
    }
    assert isinstance(task["created_at"], int)
    assert isinstance(task["processed_at"], int)
    assert before <= task["created_at"] <= task["processed_at"] <= time() + 1


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ({"action": "sum", "data": {"numbers": [1, 2, 3, 4, 5]}}, {"output": 15}),
        ({"action": "whatever"}, {"output": "processed"}),
        ({"action": "uppercase"}, {"output": ""}),
        ({"action": "uppercase", "data": {"text": "año ß 🚀"}}, {"output": "AÑO SS 🚀"}),
        ({"action": "sum"}, {"output": 0}),
        ({"action": "uppercase", "data": None}, {"output": ""}),
    ],
)
def test_the_worker_does_what_the_action_says(shared: Site, body: Any, result: Any) -> None:
    assert json.loads(done(shared, body)["result"]) == result


@pytest.mark.parametrize(
    "body",
    [
        "{bad",
        "",
        "5",
        "null",
        "[]",
        '"text"',
        "true",
        '{"action":"x"} trailing',
        b"\xff\xfe",
        "[" * 100_000,
        '{"action":' + "9" * 5000 + "e99999}",
        '{"action": NaN}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_object_is_refused(shared: Site, body: str | bytes) -> None:
    reply = post(shared, body)

    assert reply.status == 400
    assert reply.body == '{"error":"JSON inválido"}'.encode()
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [{}, {"action": None}, {"action": False}, {"action": ""}])
def test_a_task_without_an_action_is_refused(shared: Site, body: Any) -> None:
    reply = post(shared, body)

    assert reply.status == 400
    assert reply.body == b'{"error":"action requerido"}'
    assert reply.headers["content-type"] == "application/json"


def test_tasks_are_filtered_by_status(shared: Site) -> None:
    done(shared, {"action": "whatever"})

    def of(query: str) -> Any:
        return shared.ask("GET", f"/tasks?{query}").json

    everything = of("status=completed")
    assert everything["count"] == len(everything["tasks"]) > 0
    assert {task["status"] for task in everything["tasks"]} == {"completed"}
    assert of("status=pending") == {"tasks": [], "count": 0}
    assert of("status=") == {"tasks": [], "count": 0}
    assert of("status='%20OR%201=1--") == {"tasks": [], "count": 0}


def test_the_list_shows_the_newest_hundred(example: Path) -> None:
    with running(example, FREE_PORT, "app:task_consumer:concurrency=100") as site:
        site.ask_many([("POST", "/tasks", {"action": "x"})] * 130)
        with closing(sqlite3.connect(example / "data" / "tasks.db")) as db:
            eventually(lambda: db.execute("SELECT count(*) FROM tasks").fetchone() == (130,))
        reply = site.ask("GET", "/tasks").json

        assert reply["count"] == len(reply["tasks"]) == 100
        times = [task["created_at"] for task in reply["tasks"]]
        assert times == sorted(times, reverse=True)


def test_another_method_is_not_allowed(shared: Site) -> None:
    reply = shared.ask("DELETE", "/tasks")

    assert reply.status == 405
    assert {"GET", "POST"} <= set(reply.headers["allow"].split(", "))


def test_another_path_is_not_found(shared: Site) -> None:
    reply = shared.ask("GET", "/nope")

    assert reply.status == 404
    assert reply.headers["content-type"] == "application/problem+json"


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
        began = monotonic()
        assert site.stop() == 0
        assert monotonic() - began < 5

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
        assert done(site, {"action": "sum", "data": {"numbers": [1]}})["status"] == "completed"
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
        done(site, {"action": "x"})
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

        eventually(lambda: stored() == accepted, within=15)
        assert site.stop() == 0
