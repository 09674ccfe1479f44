"""A running program that is asked for its traces and its errors."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import eventually, execute
from tests.support.managing import Managed, managed, sockets_folder
from tests.support.program import write_application

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/notes.db, lifecycle: {auto_start: true}}
  - {name: memory, kind: queue.driver.memory}
  - {name: notes, kind: queue.queue, driver: memory, retry: {initial_delay: 10ms, max_delay: 10ms},
     dead_letter: {max_attempts: 3}}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /notes, func: add}
  - {name: add, kind: function.python, source: file://notes.py, method: add,
     modules: [logger, queue, sql]}
  - {name: store, kind: function.python, source: file://notes.py, method: store,
     modules: [logger, queue, sql]}
  - {name: consumer, kind: queue.consumer, queue: notes, func: store,
     lifecycle: {auto_start: true}}
"""
HANDLERS = """
from runtime.modules import logger, queue, sql

async def add(request):
    return await queue.publish("notes", await request.json())

async def store(text):
    logger.info("storing")
    if queue.message().attempt < 2 or text == "poison":
        raise ValueError("not yet")
    await sql.get("db").execute("CREATE TABLE IF NOT EXISTS notes (text)")
    await sql.get("db").execute("INSERT INTO notes VALUES (?)", [text])
"""


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[None]:
    """One folder for all tests here, which ask one program."""
    with sockets_folder():
        yield


@pytest.fixture(scope="module")
def site(sockets: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    folder = tmp_path_factory.mktemp("traced") / "notes"
    with managed(write_application(folder, MANIFEST, **{"notes.py": HANDLERS})) as site:
        yield site


def post(site: Managed, text: str, **headers: str) -> Any:
    """Post a note; the headers of the answer."""
    url = site.program.url("/notes")
    body = json.dumps(text).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return answer.headers


def picture(site: Managed, id: str, rows: int) -> Any:
    """The waterfall of an id, once it has so many rows."""

    def found() -> Any:
        reply = site.get(f"/api/traces/{id}")
        shown = json.loads(reply.body)
        return shown if reply.status == 200 and len(shown["rows"]) >= rows else None

    return eventually(found)


def test_a_trace_goes_from_the_client_through_the_queue_to_the_row(site: Managed) -> None:
    headers = post(site, "hello", traceparent=TRACEPARENT)

    assert headers["traceparent"].startswith(f"00-{TRACE}-")
    assert headers["traceparent"].endswith("-01")
    shown = picture(site, headers["x-request-id"], 11)
    assert shown["id"] == TRACE
    assert shown["title"] == "POST /notes → app:notes → store → notes"
    assert [(row["depth"], row["title"], row["state"]) for row in shown["rows"]] == [
        (0, "POST /notes", "ok"),
        (1, "add", "ok"),
        (2, "send app:notes", "ok"),
        (1, "waits in app:notes", "wait"),
        (1, "process app:notes, attempt 1", "failed"),
        (2, "store", "failed"),
        (1, "waits for its retry", "wait"),
        (1, "process app:notes, attempt 2", "ok"),
        (2, "store", "ok"),
        (3, "CREATE", "ok"),
        (3, "INSERT notes", "ok"),
    ][: len(shown["rows"])]
    assert "storing" in [line["text"] for line in shown["lines"]]


def test_a_failure_is_kept_though_nobody_has_sampled_it(site: Managed) -> None:
    headers = post(site, "poison", traceparent=TRACEPARENT.removesuffix("1") + "0")

    assert headers["traceparent"].endswith("-00")
    line = site.program.wait_for(lambda line: "gave up" in line["message"])
    shown = picture(site, line["message_id"], 2)
    assert {row["title"].partition(",")[0] for row in shown["rows"] if row["depth"] == 0} == {
        "process app:notes"
    }
    assert shown["failed"]


def test_a_log_line_names_its_trace(site: Managed) -> None:
    post(site, "named", traceparent=TRACEPARENT)

    line = site.program.wait_for(
        lambda line: line["message"] == "storing" and line["trace_id"] == TRACE
    )
    assert line["message_id"]


def test_errors_are_grouped_by_the_line_that_raised_them(site: Managed) -> None:
    post(site, "failing")

    def found() -> Any:
        groups = json.loads(site.get("/api/errors").body)["errors"]
        return [each for each in groups if each["type"] == "ValueError"]

    (group,) = eventually(found)
    assert re.fullmatch(r"notes\.py:\d+", group["place"])
    assert (group["text"], group["entry"]) == ("not yet", "app:store")
    assert group["count"] >= 1
    assert json.loads(site.get("/api/errors?since=1h").body)["errors"]
    assert json.loads(site.get("/api/errors?since=2999-01-01").body)["errors"] == []
    assert site.get("/api/errors?since=soon").status == 400


def test_traces_are_listed_by_entry_and_by_what_became_of_them(site: Managed) -> None:
    post(site, "listed", traceparent=TRACEPARENT)
    line = site.program.wait_for(lambda line: "failed on attempt" in line["message"])
    picture(site, line["message_id"], 2)

    def listed(query: str) -> Any:
        return json.loads(site.get(f"/api/traces?{query}").body)["traces"]

    assert all(each["failed"] for each in listed("failed=1"))
    assert listed("failed=1")
    assert listed("entry=app:add")
    assert listed("entry=app:nothing") == listed("limit=0") == []
    assert site.get("/api/traces?limit=x").status == 400


def test_commands_draw_the_trace_and_the_errors(site: Managed) -> None:
    headers = post(site, "drawn", traceparent=TRACEPARENT)
    picture(site, headers["x-request-id"], 8)
    folder = str(site.folder)

    drawing = execute("trace", headers["x-request-id"], "-C", folder)
    as_json = execute("trace", TRACE[:8], "-C", folder, "--json")
    errors = execute("errors", folder)
    nothing = execute("trace", "unheard-of", "-C", folder)

    assert drawing.code == 0
    assert "process app:notes, attempt 1" in drawing.out
    assert "ValueError: not yet at" in drawing.out
    assert json.loads(as_json.out)["id"] == TRACE
    assert "ValueError: not yet" in errors.out
    assert (nothing.code, nothing.out) == (1, "")
    assert nothing.err == (
        "no trace, request or message 'unheard-of' is remembered here; of what was quick and went "
        "well, only a sample is kept\n"
    )


def test_a_moment_that_is_none_is_wrong_usage_and_no_fault_of_a_process(site: Managed) -> None:
    ended = execute("errors", str(site.folder), "--since", "soon")
    assert ended.code == 2
    assert ended.err.startswith("Error: 'since': 'soon' is not")
    assert (
        execute("errors", str(site.folder), "--since", "1ms").out == "no errors in the last 1ms\n"
    )


def test_commands_say_if_nothing_runs(tmp_path: Path) -> None:
    assert execute("errors", "-C", str(tmp_path)).code == 4
    assert execute("trace", "x", "-C", str(tmp_path)).code == 4
