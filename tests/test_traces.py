"""One request as a listener sees it: from the POST to the row, in one trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.application.application import Application
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.telemetry import OFF, Span, Telemetry
from tests.support.consuming import until
from tests.support.listening import Recorder
from tests.support.program import write_application
from tests.support.serving import SOON, Client, run

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/notes.db, lifecycle: {auto_start: true}}
  - {name: memory, kind: queue.driver.memory}
  - {name: file, kind: queue.driver.sql, database: db}
  - {name: notes, kind: queue.queue, driver: DRIVER}
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /notes, func: add}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /notes, func: all}
  - {name: add, kind: function.python, source: file://notes.py, method: add, modules: [queue, sql]}
  - {name: all, kind: function.python, source: file://notes.py, method: all, modules: [queue, sql]}
  - name: store
    kind: function.python
    source: file://notes.py
    method: METHOD
    modules: [queue, sql]
  - name: consumer
    kind: queue.consumer
    queue: notes
    func: store
    OPTIONS
    lifecycle: {auto_start: true}
"""
HANDLERS = """
from runtime.modules import queue, sql
from runtime.modules.sync import sql as blocking_sql

async def add(request):
    db = sql.get("db")
    await db.execute("CREATE TABLE IF NOT EXISTS notes (text)")
    return await queue.publish("notes", await request.json())

async def all():
    return await sql.get("db").query("SELECT text FROM notes")

async def store(text):
    await sql.get("db").execute("INSERT INTO notes VALUES (?)", [text])

async def store_in_transaction(text):
    await sql.transaction().execute("INSERT INTO notes VALUES (?)", [text])

def store_in_thread(text):
    blocking_sql.get("db").execute("INSERT INTO notes VALUES (?)", [text])
"""
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

SETUPS = {
    "memory": ("memory", "store", ""),
    "memory, def": ("memory", "store_in_thread", ""),
    "file": ("file", "store", ""),
    "file, transaction": ("file", "store_in_transaction", "transaction: db"),
}
"""The driver, the consumer's handler, and what else the consumer declares."""

setups = pytest.mark.parametrize("setup", SETUPS)


@asynccontextmanager
async def served(folder: Path, setup: str, telemetry: Telemetry) -> AsyncIterator[Client]:
    """The application in this process, and a client that is connected to it."""
    manifest = MANIFEST
    for name, value in zip(("DRIVER", "METHOD", "OPTIONS"), SETUPS[setup], strict=True):
        manifest = manifest.replace(name, value)
    write_application(folder, manifest, **{"notes.py": HANDLERS})
    stop, addresses = asyncio.Event(), asyncio.get_running_loop().create_future()
    linkage = link(read(folder, [], {}), Registry())
    application = Application(linkage, on_ready=addresses.set_result, telemetry=telemetry)
    serving = asyncio.ensure_future(application.serve(stop))
    try:
        (address,) = await asyncio.wait_for(addresses, SOON)
        client = Client(*await asyncio.open_connection("127.0.0.1", int(address.split(":")[-1])))
        yield client
        await client.close()
    finally:
        stop.set()
        await asyncio.wait_for(serving, SOON)
        application.forget()


def post(folder: Path, setup: str, *headers: str) -> tuple[Recorder, list[Span]]:
    """Post a note and wait for its row; the spans from the request down to the statement."""
    recorder = Recorder()

    def inserts() -> list[Span]:
        """The statements of the consumer's handler, and none of the queue's own."""
        calls = {span.span_id for span in recorder.started if span.entry == "app:store"}
        return [span for span in recorder.ended if span.parent_id in calls]

    async def main() -> None:
        async with served(folder, setup, Telemetry(recorder)) as client:
            answer = await client.get("/notes", *headers, method="POST", body=b'"hello"')
            assert answer.status == 200
            await until(lambda: bool(inserts()))

    run(main())
    (insert,) = inserts()
    started = {span.span_id: span for span in recorder.started}
    trace = [insert]
    while above := started.get(trace[0].parent_id or ""):
        trace.insert(0, above)
    return recorder, trace


@setups
def test_a_request_is_one_trace_from_the_post_to_the_row(tmp_path: Path, setup: str) -> None:
    recorder, trace = post(tmp_path, setup)

    names = ["http.request", "handler.call", "queue.publish", "queue.process", "handler.call"]
    if "transaction" in setup:
        names.insert(4, "sql.transaction")
    assert [span.name for span in trace] == [*names, "sql.statement"]
    assert trace[0].parent_id is None
    assert len({span.trace_id for span in trace}) == 1
    assert [span for span in trace if span.duration is None or span.error is not None] == []
    assert {span.span_id for span in recorder.started} == {s.span_id for s in recorder.ended}


@setups
def test_each_span_names_its_entry(tmp_path: Path, setup: str) -> None:
    _, trace = post(tmp_path, setup)

    entries = [(span.name, span.entry) for span in trace if span.name != "sql.transaction"]
    assert entries == [
        ("http.request", "app:add"),
        ("handler.call", "app:add"),
        ("queue.publish", "app:notes"),
        ("queue.process", "app:notes"),
        ("handler.call", "app:store"),
        ("sql.statement", "app:db"),
    ]


@setups
def test_the_settlement_and_the_commit_are_events(tmp_path: Path, setup: str) -> None:
    recorder, trace = post(tmp_path, setup)

    (settled,) = [event for event in recorder.events if event[0] == "message.settled"]
    commits = [event for event in recorder.events if event[0] == "sql.commit"]
    assert (settled[1], settled[3]["outcome"]) == ("app:notes", "ack")
    assert settled[2] is not None
    assert settled[2].trace_id == trace[0].trace_id
    assert {entry for _, entry, _, _ in commits} == {"app:db"}
    assert all(fields["statements"] >= 1 for *_, fields in commits)
    assert commits


def test_a_client_s_trace_goes_on(tmp_path: Path) -> None:
    _, trace = post(tmp_path, "memory", f"traceparent: 00-{TRACE}-{CALLER}-01")

    assert trace[0].parent_id == CALLER
    assert {span.trace_id for span in trace} == {TRACE}


@setups
def test_nothing_of_telemetry_is_called_while_nobody_listens(
    tmp_path: Path, setup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def refuse(telemetry: Telemetry, name: str, *_: object, **__: object) -> None:
        called.append(name)
        raise AssertionError(f"telemetry was called: {name}")

    monkeypatch.setattr(Telemetry, "span", refuse)
    monkeypatch.setattr(Telemetry, "event", refuse)

    async def main() -> None:
        async with served(tmp_path, setup, OFF) as client:
            await client.get("/notes", method="POST", body=b'"hello"')
            while not (rows := (await client.get("/notes")).json()):
                pass
            assert rows == [{"text": "hello"}]

    run(main())

    assert called == []
