"""Tasks over several programs on one database: told, cancelled and paused by another one, and what
a kill leaves of them.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import Site, eventually, write_files
from tests.support.postgres_schema import PostgresSchema
from tests.support.program import running

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: db, DATABASE}
  - {name: driver, kind: queue.driver.sql, lease: 2s, heartbeat: 500ms}
  - {name: tasks, kind: queue.queue, retention: 1h, retry: {initial_delay: 100ms}}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: post, kind: http.endpoint, method: POST, path: /, func: "file://h.py#publish"}
  - {name: stop, kind: http.endpoint, method: DELETE, path: "/{id}", func: "file://h.py#stop"}
  - {name: pause, kind: http.endpoint, method: POST, path: "/q/{what}", func: "file://h.py#pause"}
  - {name: status, kind: http.task_status, path: "/{id}", queue: tasks}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: "file://h.py#work"
    lifecycle: {auto_start: true}
"""
HANDLERS = """
import asyncio, os, signal
from runtime.modules import queue

async def publish(request):
    return {"id": await queue.publish("tasks", await request.json())}

async def stop(request):
    return await queue.cancel("tasks", request.path_params["id"])

async def pause(request):
    await (queue.pause if request.path_params["what"] == "pause" else queue.resume)("tasks")
    return await queue.info("tasks")

async def work(body):
    if body["do"] == "quick":
        return "done"
    queue.message().progress(0.5, "half")
    await asyncio.sleep(60)
"""
SQLITE = "kind: db.sql.sqlite, file: data/a.db"


@pytest.fixture(params=["sqlite", "postgres"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    database = SQLITE
    if request.param == "postgres":
        schema: PostgresSchema = request.getfixturevalue("postgres")
        database = f'kind: db.sql.postgres, dsn: "{schema.url}"'
    text = MANIFEST.replace("DATABASE", database)
    return write_files(tmp_path, {"_index.yaml": text, "h.py": HANDLERS})


def status(site: Site, id: str) -> Any:
    return site.ask("GET", f"/{id}").json


def has(site: Site, id: str, state: str) -> bool:
    found: bool = status(site, id)["status"] == state
    return found


def frozen(worker: int, site: Site) -> str:
    """Stop a worker at a moment when it keeps no lock of the database. Returns the id of a message
    that was published since.
    """
    os.kill(worker, signal.SIGSTOP)
    while (posted := site.ask("POST", "/", {"do": "slow"})).status != 200:
        os.kill(worker, signal.SIGCONT)
        site.ask("POST", "/q/resume")
        os.kill(worker, signal.SIGSTOP)
    id: str = posted.json["id"]
    return id


def test_another_program_tells_of_a_task_and_cancels_it(folder: Path) -> None:
    with running(folder, "--except", "gateway"), running(folder, "--except", "worker") as web:
        site = Site(web)
        id = site.ask("POST", "/", {"do": "slow"}).json["id"]
        eventually(lambda: (status(site, id)["progress"] or {}).get("part") == 0.5)
        asked = site.ask("DELETE", f"/{id}").json
        eventually(lambda: has(site, id, "cancelled"))
        quick = site.ask("POST", "/", {"do": "quick"}).json["id"]
        eventually(lambda: has(site, quick, "done"))

        assert (asked["status"], asked["cancelling"]) == ("running", True)
        assert status(site, quick)["result"] == "done"


def test_a_cancelled_message_is_not_delivered_again_after_a_kill(folder: Path) -> None:
    with running(folder, "--except", "worker") as web:
        site = Site(web)
        with running(folder, "--except", "gateway") as worker:
            ids = [site.ask("POST", "/", {"do": "slow"}).json["id"]]
            eventually(lambda: has(site, ids[0], "running"))
            ids.append(frozen(worker.pid, site))  # so that it is not told
            site.ask("DELETE", f"/{ids[0]}")
            worker.kill()
        eventually(lambda: has(site, ids[0], "cancelled"))

        with running(folder, "--except", "gateway"):
            eventually(lambda: has(site, ids[1], "running"))
        assert status(site, ids[0])["attempt"] == 1


def test_a_task_whose_program_was_killed_is_retrying_and_not_running(folder: Path) -> None:
    with running(folder, "--except", "worker") as web:
        site = Site(web)
        with running(folder, "--except", "gateway") as worker:
            id = site.ask("POST", "/", {"do": "slow"}).json["id"]
            eventually(lambda: has(site, id, "running"))
            worker.kill()
        eventually(lambda: has(site, id, "retrying"))

        left = status(site, id)
        assert (left["attempt"], left["progress"], left["result"]) == (1, None, None)


def test_a_pause_holds_in_all_programs_and_over_restarts(folder: Path) -> None:
    with running(folder, "--except", "worker") as web:
        site = Site(web)
        assert site.ask("POST", "/q/pause", None).json["paused"]
        with running(folder, "--except", "gateway") as worker:
            worker.wait_for(lambda line: "is paused" in line["message"])
            id = site.ask("POST", "/", {"do": "quick"}).json["id"]
            assert has(site, id, "queued")
            assert not site.ask("POST", "/q/resume", None).json["paused"]
            eventually(lambda: has(site, id, "done"))
