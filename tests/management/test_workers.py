"""Several workers: their parent tells how they are together, whatever one of them does."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import Site, eventually
from tests.support.managing import Managed, managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://h.py#get}
  - {name: hold, kind: http.endpoint, method: GET, path: /hold, func: file://h.py#hold}
  - {name: db, kind: db.sql.sqlite, file: ./app.db, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.sql, database: db, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue}
  - {name: fail, kind: http.endpoint, method: GET, path: /fail, func: file://h.py#fail}
  - {name: put, kind: http.endpoint, method: GET, path: /put, func: file://h.py#put}
"""
HANDLERS = """
import re, time
from runtime.modules import queue

async def get():
    return "here"

async def put():
    return await queue.publish("app:tasks", 1)

async def fail():
    raise RuntimeError("not today")

async def hold():
    # One call into C that keeps the interpreter for longer than the test asks, on any machine:
    # each letter doubles its time.
    letters, took = 16, 0.0
    while took < 0.2:
        letters, began = letters + 1, time.monotonic()
        keep(letters)
        took = time.monotonic() - began
    return keep(letters + 4)

def keep(letters):
    return str(re.match("(a+)+$", "a" * letters + "b"))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Managed]:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLERS})
    with managed(folder, "--workers", "2") as site:
        assert eventually(lambda: len(site.status["workers"]) == 2, 20)
        yield site


def test_the_parent_tells_of_all_workers(site: Managed) -> None:
    status = site.status

    assert status["pid"] == site.program.pid
    assert status["state"] == "running"
    assert {each["number"] for each in status["workers"]} == {1, 2}
    assert all(each["rss"] > 1e6 for each in status["workers"])
    assert len({each["pid"] for each in status["workers"]} | {site.program.pid}) == 3
    assert site.service("app:gateway")["state"] == "running"
    assert site.get("/readyz").status == 200
    assert site.socket.get("/livez").status == 200


def test_what_the_parent_has_done_is_in_the_next_lengths(site: Managed) -> None:
    for number in range(3):
        (queue,) = site.status["queues"]
        assert queue["ready"] == number
        published = site.socket.post(
            "/api/operations/queue.publish", {"queue": "app:tasks", "body": number}
        )
        assert published.status == 200


def test_a_reload_that_is_refused_is_told_and_logged(site: Managed) -> None:
    manifest = site.folder / "_index.yaml"
    manifest.write_text(MANIFEST.replace("database: db", "database: dc"), encoding="utf-8")

    answer = site.socket.post("/api/operations/reload", {})

    line = MANIFEST[: MANIFEST.index("database: db")].count("\n") + 1
    (found,) = json.loads(answer.body)["result"]["findings"]
    assert (found["file"], found["line"]) == (str(manifest), line)
    assert (found["message"], found["hint"]) == ("no entry 'app:dc'", "did you mean 'app:db'?")
    site.program.wait_for("the reload was refused, and the old version goes on")
    (logged,) = [text for text in site.program.messages if "no entry 'app:dc'" in text]
    assert f"_index.yaml:{line}:" in logged
    assert eventually(lambda: any("app:dc" in text for text in site.status["refused"]))


def test_counts_of_all_workers_are_added_up_and_outlive_them(site: Managed) -> None:
    web = Site(site.program)
    for _ in range(20):
        web.ask("GET", "/")
    labels = 'server="app:gateway",route="/",method="GET",status="200"'
    counted = f"runtime_http_requests_total{{{labels}}}"
    assert eventually(lambda: f"{counted} 20\n" in site.get("/metrics").body.decode())

    killed = site.status["workers"][0]["pid"]
    os.kill(killed, signal.SIGKILL)
    assert eventually(
        lambda: (
            len(pids := {each["pid"] for each in site.status["workers"]}) == 2
            and killed not in pids
        ),
        20,
    )
    assert f"{counted} 20\n" in site.get("/metrics").body.decode()
    text = site.get("/metrics").body.decode()
    assert all(f'process_open_fds{{worker="{number}"}}' in text for number in (1, 2))


def test_the_parent_has_the_traces_and_errors_of_all_workers(site: Managed) -> None:
    web = Site(site.program)

    def told(path: str, name: str) -> list[Any]:
        found: list[Any] = json.loads(site.get(path).body)[name]
        return found

    def have_both_failed() -> bool:
        assert web.ask("GET", "/fail").status == 500
        traces = told("/api/traces?failed=1", "traces")
        return {each["worker"] for each in traces} == {1, 2}

    assert eventually(have_both_failed)
    (trace, *_) = told("/api/traces?failed=1", "traces")
    assert trace["title"] == "GET /fail"
    assert site.get(f"/api/traces/{trace['id']}").status == 200
    (group,) = told("/api/errors", "errors")
    assert (group["place"], group["count"] > 1) == ("h.py:12", True)
    assert group["worker"] in (1, 2)
    assert "not today" in site.get("/errors").body.decode()


def test_the_pages_show_all_workers(site: Managed) -> None:
    pages = [site.get(path) for path in ("/", "/dead", "/queues/app:tasks")]

    assert [page.status for page in pages] == [200, 200, 200]


def test_the_length_of_a_queue_is_that_of_the_queue(site: Managed) -> None:
    web = Site(site.program)
    for _ in range(3):
        web.ask("GET", "/put")

    assert eventually(lambda: site.status["queues"][0]["ready"] == 3)


def test_a_worker_that_holds_the_interpreter_does_not_silence_the_parent(site: Managed) -> None:
    asking = threading.Thread(target=Site(site.program).ask, args=("GET", "/hold"))
    asking.start()
    try:
        assert eventually(lambda: site.status["age"] > 1)
        assert site.get("/livez").status == 200
        assert max(each["age"] for each in site.status["workers"]) > 1
    finally:
        asking.join()


def test_a_stop_is_told_at_once(site: Managed) -> None:
    assert site.program.stop() == 0
