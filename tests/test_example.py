"""The HTTP interface of the repository's example, as its users meet it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import pytest

from tests.support.blackbox import FREE_PORT, Site, eventually, running
from tests.support.example import complete, copy, post


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One program for the cases that don't disturb each other."""
    with running(copy(tmp_path_factory.mktemp("shared")), FREE_PORT) as site:
        yield site
        assert site.stop() == 0


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return copy(tmp_path)


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

    task = complete(shared, {"action": "uppercase", "data": {"text": "hello world"}})

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
    assert json.loads(complete(shared, body)["result"]) == result


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
    complete(shared, {"action": "whatever"})

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
