"""One state, four ways to ask for it: status, metrics, commands and dashboard agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.blackbox import eventually, execute
from tests.support.managing import Managed, managed, samples
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: ./app.db, lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.sql, database: db, lifecycle: {auto_start: true}}
  - {name: tasks, kind: queue.queue, dead_letter: {max_attempts: 1}}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://h.py#work
    concurrency: 2
    prefetch: 2
    lifecycle: {auto_start: true}
"""
HANDLER = """
import asyncio

async def work(what):
    if what == "stay":
        await asyncio.sleep(3600)
    raise ValueError("it dies")
"""
TASKS = "app:tasks"
EXPECTED = {"ready": 5, "delayed": 1, "running": 2, "dead": 3, "paused": True}
STATES = ("ready", "delayed", "running", "dead")


def do(site: Managed, operation: str, **fields: Any) -> None:
    answer = site.socket.post(f"/api/operations/queue.{operation}", fields)
    assert answer.status == 200, answer.body


def publish(site: Managed, body: str, **fields: Any) -> None:
    do(site, "publish", queue=TASKS, body=body, **fields)


def by_status(site: Managed) -> dict[str, Any]:
    (queue,) = site.status["queues"]
    return {name: queue[name] for name in EXPECTED}


def by_metrics(site: Managed) -> dict[str, Any]:
    found = samples(site)
    told: dict[str, Any] = {
        state: found["runtime_queue_messages", f"queue={TASKS},state={state}"] for state in STATES
    }
    return {**told, "paused": found["runtime_queue_paused", f"queue={TASKS}"] == 1}


def by_command(site: Managed, *words: str) -> dict[str, Any]:
    found = json.loads(execute(*words, str(site.folder), "--json").out)
    queues = found["queues"] if isinstance(found, dict) else found
    (queue,) = (each for each in queues if each["id"] == TASKS)
    return {name: queue[name] for name in EXPECTED}


def by_page(site: Managed) -> dict[str, Any]:
    page = site.get(f"/queues/{TASKS}").body.decode()
    told: dict[str, Any] = {}
    for state in STATES:
        cell = re.search(rf'data-live="{state} {TASKS}"[^>]*>([\d,]+)<', page)
        assert cell, state
        told[state] = int(cell[1].replace(",", ""))
    return {**told, "paused": "paused" in page.lower()}


def test_a_queue_whose_consumer_is_paused_is_told_alike_everywhere(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLER})
    with managed(folder) as site:
        for body in ("die", "die", "die", "stay", "stay"):
            publish(site, body)
        assert eventually(lambda: (by_status(site)["running"], by_status(site)["dead"]) == (2, 3))
        do(site, "pause", id=TASKS)
        for _ in range(5):
            publish(site, "wait")
        publish(site, "later", delay="1h")

        assert by_status(site) == EXPECTED
        assert by_metrics(site) == EXPECTED
        assert by_command(site, "queue", "ls") == EXPECTED
        assert by_command(site, "status") == EXPECTED
        assert by_page(site) == EXPECTED
