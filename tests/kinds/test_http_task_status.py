"""http.task_status: JSON and events of a task, and what is refused before the start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.testing import running
from tests.support.blackbox import Site, eventually, write_files
from tests.support.hosting import remarks
from tests.support.program import running as program

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", openapi: true, lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, retention: 1h}
  - {name: post, kind: http.endpoint, method: POST, path: /tasks, func: "file://h.py#publish"}
  - {name: status, kind: http.task_status, path: "/tasks/{id}", queue: tasks}
  - {name: worker, kind: queue.consumer, queue: tasks, func: FUNC, lifecycle: {auto_start: true}}
"""  # noqa: E501
HANDLERS = """
import asyncio
from runtime.modules import queue
from runtime.modules.sync import queue as blocking

async def publish(request):
    return {"id": await queue.publish("tasks", await request.json())}

async def work(body):
    queue.message().progress(0.5, "half")
    await asyncio.sleep(body["sleep"])
    return {"slept": body["sleep"]}

def separate(body):
    blocking.message().progress(0.25, "in a process")
    return "over there"
"""
INLINE = "file://h.py#work"
STREAM = {"Accept": "text/event-stream"}


def written(folder: Path, manifest: str = MANIFEST.replace("FUNC", INLINE)) -> Path:
    return write_files(folder, {"_index.yaml": manifest, "h.py": HANDLERS})


def test_a_task_is_told_as_json_until_it_is_done(tmp_path: Path) -> None:
    with running(written(tmp_path)) as app:
        with app.paused("worker"):
            (id,) = app.publish("tasks", {"sleep": 0})
            waiting = app.get(f"/tasks/{id}")
        app.drain("tasks")
        done = app.get(f"/tasks/{id}").json()
        unknown = app.get("/tasks/nothing")
        (operation,) = app.get("/openapi.json").json()["paths"]["/tasks/{id}"].values()

        assert waiting.json()["status"] == "queued"
        assert waiting.headers["cache-control"] == "no-store"
        assert (done["status"], done["result"]) == ("done", {"slept": 0})
        assert done["progress"] == {"part": 0.5, "text": "half"}
        assert (unknown.status, unknown.json()["title"]) == (404, "Not Found")
        assert "no task has this id" in unknown.json()["detail"]
        assert operation["summary"] == "The status of a task."


def test_a_stream_has_an_event_for_each_change_and_then_ends(tmp_path: Path) -> None:
    with program(written(tmp_path)) as process:
        site = Site(process)
        id = site.ask("POST", "/tasks", {"sleep": 1}).json["id"]
        events = site.ask("GET", f"/tasks/{id}", headers=STREAM).body
        again = site.ask("GET", f"/tasks/{id}", headers={**STREAM, "Last-Event-ID": "done"})
        unknown = site.ask("GET", "/tasks/nothing", headers=STREAM)

    lines = events.decode() if isinstance(events, bytes) else events
    told = [json.loads(line[6:]) for line in lines.splitlines() if line.startswith("data: ")]
    assert [each["status"] for each in told][-2:] == ["running", "done"]
    assert len(told) == len({json.dumps(each) for each in told})
    assert "event: status" in lines
    assert (again.status, unknown.status) == (204, 404)


def test_a_process_of_its_own_tells_its_progress(tmp_path: Path) -> None:
    entry = "\n  - {name: separate, kind: function.python, source: file://h.py, method: separate, "
    manifest = MANIFEST.replace("FUNC", "separate") + entry.lstrip("\n") + "processes: 1}\n"
    with program(written(tmp_path, manifest)) as process:
        site = Site(process)
        id = site.ask("POST", "/tasks", {}).json["id"]
        eventually(lambda: site.ask("GET", f"/tasks/{id}").json["status"] == "done")
        done = site.ask("GET", f"/tasks/{id}").json

    assert (done["result"], done["progress"]["text"]) == ("over there", "in a process")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", retention: 1h", "", "'app:tasks' forgets a message that is done"),
        ("retention: 1h", "retention: 0s", "'app:tasks' forgets a message that is done"),
        ('"/tasks/{id}", queue', "/tasks, queue", "the path needs one parameter"),
        (
            "queue.driver.memory}",
            'queue.driver.amqp, url: "amqp://guest@127.0.0.1"}',
            "'app:tasks' cannot tell what became of a message",
        ),
    ],
)
def test_what_cannot_be_told_is_said_before_the_start(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    manifest = MANIFEST.replace("FUNC", INLINE).replace(old, new)
    found = [str(each) for each in remarks(tmp_path, manifest, {"h.py": HANDLERS})]

    assert [each for each in found if said in each], found
