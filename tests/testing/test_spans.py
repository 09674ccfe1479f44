"""The steps of an application, as a test sees them."""

from __future__ import annotations

from pathlib import Path

from runtime.testing import running
from tests.support.program import write_application
from tests.testing.application import DATABASE, ENTRIES, endpoint

HANDLERS = """
from runtime.modules import queue, sql

async def create():
    return await queue.publish("jobs", 1)

async def work(body):
    await sql.get("db").execute("CREATE TABLE IF NOT EXISTS tasks (n)")
    await sql.get("db").execute("INSERT INTO tasks VALUES (?)", [body])
    if body == 2:
        raise ValueError("no")
"""


def test_the_steps_of_a_request_and_its_message_are_told(tmp_path: Path) -> None:
    manifest = ENTRIES + DATABASE + endpoint("create")
    write_application(tmp_path, manifest, **{"handlers.py": HANDLERS})
    with running(tmp_path) as app:
        app.post("/create")
        app.drain()
        spans = app.spans()

    assert [span.title for span in spans if span.name != "sql.transaction"] == [
        "POST /create",
        "create",
        "send app:jobs",
        "process app:jobs",
        "work",
        "CREATE",
        "INSERT tasks",
    ]
    request, call, send, process, *_ = spans
    assert (call.parent_id, send.parent_id) == (request.span_id, call.span_id)
    assert request.attributes["http.response.status_code"] == 200
    id = send.attributes["messaging.message.id"]
    assert (process.attributes["messaging.message.id"], process.failed) == (id, False)


def test_a_step_that_failed_says_by_what(tmp_path: Path) -> None:
    manifest = ENTRIES + DATABASE + endpoint("create")
    write_application(tmp_path, manifest, **{"handlers.py": HANDLERS})
    with running(tmp_path) as app:
        app.publish("jobs", 2)
        app.drain(failing=ValueError)
        (work,) = app.spans("work")
        (process,) = [span for span in app.spans("jobs") if span.name == "queue.process"]

    assert (work.failed, work.error) == (True, "ValueError")
    assert (process.failed, process.attributes["runtime.outcome"]) == (True, "retry")
