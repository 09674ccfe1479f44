"""Plain `def` handlers with `runtime.modules.sync`: HTTP, queue, SQL and processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import FREE_PORT, Site, eventually, running, write_files

MANIFEST = """
    namespace: app
    entries:
      - {name: db, kind: db.sql.sqlite, file: data/notes.db, lifecycle: {auto_start: true}}
      - {name: memory, kind: queue.driver.memory, lifecycle: {auto_start: true}}
      - name: notes
        kind: queue.queue
        driver: memory
        retry: {initial_delay: 10ms, jitter: 0}
        dead_letter: {queue: failed, max_attempts: 3}
      - {name: failed, kind: queue.queue, driver: memory}
      - {name: gateway, kind: http.service, addr: ":8080", lifecycle: {auto_start: true}}
      - {name: api, kind: http.router, meta: {server: gateway}}
      - {name: host, kind: process.host, lifecycle: {auto_start: true}}

      - name: schema
        kind: process.python
        source: file://work.py
        method: schema
        modules: [process, queue, sql, logger]
      - name: watch
        kind: process.python
        source: file://work.py
        method: watch
        modules: [process, queue, sql, logger]
      - name: store
        kind: function.python
        source: file://work.py
        method: store
        modules: [process, queue, sql, logger]
      - name: schema.service
        kind: process.service
        process: schema
        host: host
        type: oneshot
        input: [notes]
        lifecycle: {auto_start: true, requires: [db]}
      - name: watch.service
        kind: process.service
        process: watch
        host: host
        type: notify
        lifecycle: {auto_start: true}
      - name: worker
        kind: queue.consumer
        queue: notes
        func: store
        concurrency: 4
        lifecycle: {auto_start: true}

      - name: add
        kind: function.python
        source: file://pages.py
        method: add
        modules: [http, queue, sql]
      - name: all
        kind: function.python
        source: file://pages.py
        method: all_of_them
        modules: [http, queue, sql]
      - name: swap
        kind: function.python
        source: file://pages.py
        method: swap
        modules: [http, queue, sql]
      - name: state
        kind: function.python
        source: file://pages.py
        method: state
        modules: [http, queue, sql]
      - name: meet
        kind: function.python
        source: file://pages.py
        method: meet
        modules: [http, queue, sql]
      - name: add.endpoint
        kind: http.endpoint
        meta: {router: api}
        method: POST
        path: /notes
        func: add
      - name: all.endpoint
        kind: http.endpoint
        meta: {router: api}
        method: GET
        path: /notes
        func: all
      - name: swap.endpoint
        kind: http.endpoint
        meta: {router: api}
        method: POST
        path: "/swap/{fail}"
        func: swap
      - name: state.endpoint
        kind: http.endpoint
        meta: {router: api}
        method: GET
        path: /state
        func: state
      - name: meet.endpoint
        kind: http.endpoint
        meta: {router: api}
        method: GET
        path: /meet
        func: meet
"""

PAGES = """
    import threading

    from runtime.modules.sync import http, queue, sql

    everybody = threading.Barrier(20)


    def add(request):
        body = request.json()
        if "text" not in body:
            raise http.Error(422, "a note needs its text")
        id = queue.publish("notes", body, {"from": "pages"})
        http.response().set_status(http.STATUS.ACCEPTED).set_header("X-Note", id)
        return {"id": id}


    def all_of_them():
        query = sql.builder.select("text", "attempt", "origin").from_("notes").order_by("text")
        return query.run_with(sql.get("db")).query()


    def swap(request):
        db = sql.get("app:db")
        try:
            with db.transaction() as tx:
                tx.execute("DELETE FROM notes")
                tx.execute("INSERT INTO notes VALUES ('swapped', 0, 'swap')")
                if request.path_params["fail"] == "yes":
                    raise LookupError
        except LookupError:
            return "rolled back"
        return "done"


    def state():
        info, failed = queue.info("notes"), queue.info("failed")
        return {"left": info.ready + info.delayed + info.in_flight, "failed": failed.ready}


    def meet():
        everybody.wait(20)
        return "all are here"
"""

WORK = """
    from runtime.modules.sync import logger, process, queue, sql


    def schema(table):
        sql.get("db").execute(f"CREATE TABLE IF NOT EXISTS {table} (text, attempt, origin)")
        return 0


    def watch():
        process.ready()
        logger.info("watching")
        while not process.stopping(timeout=0.01):
            pass
        logger.info("saw the end coming")


    def store(note):
        message = queue.message()
        if note["text"] == "twice" and message.attempt == 1:
            return False
        if note["text"] == "acked":
            message.ack()
            raise RuntimeError("after the ack")
        if note["text"] == "never":
            raise queue.Reject("never this")
        if note["text"] == "poison":
            raise ValueError(note["text"])
        values = (note["text"], message.attempt, message.headers["from"])
        result = sql.get("db").execute("INSERT INTO notes VALUES (?, ?, ?)", values)
        assert result.rows_affected == 1
"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = {"_index.yaml": MANIFEST, "pages.py": PAGES, "work.py": WORK}
    folder = write_files(tmp_path_factory.mktemp("notes"), files)
    with running(folder, FREE_PORT) as site:
        yield site
        assert site.stop() == 0
        assert site.lines("saw the end coming")


def settled(site: Site) -> bool:
    left: int = site.ask("GET", "/state").json["left"]
    return left == 0


def noted(site: Site, *texts: str) -> list[Any]:
    """The notes of these texts, apart from those of other tests."""
    return [note for note in site.ask("GET", "/notes").json if note["text"] in texts]


def test_a_note_goes_through_endpoint_queue_and_database(notes: Site) -> None:
    reply = notes.ask("POST", "/notes", {"text": "first"})
    again = notes.ask("POST", "/notes", {"text": "twice"})
    stored = eventually(lambda: len(found := noted(notes, "first", "twice")) == 2 and found)

    assert reply.status == again.status == 202
    assert reply.headers["x-note"] == reply.json["id"]
    assert stored == [
        {"text": "first", "attempt": 1, "origin": "pages"},
        {"text": "twice", "attempt": 2, "origin": "pages"},
    ]


@pytest.mark.parametrize(("body", "status"), [("{bad", 400), ({}, 422), ("", 400)])
def test_errors_are_answered_as_from_an_async_handler(
    notes: Site, body: object, status: int
) -> None:
    reply = notes.ask("POST", "/notes", body)

    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_transaction_is_whole_or_nothing(notes: Site) -> None:
    before = notes.ask("GET", "/notes").json

    failed = notes.ask("POST", "/swap/yes")
    after_failure = notes.ask("GET", "/notes").json
    done = notes.ask("POST", "/swap/no")

    assert failed.body == b"rolled back"
    assert after_failure == before
    assert done.body == b"done"
    assert notes.ask("GET", "/notes").json == [{"text": "swapped", "attempt": 0, "origin": "swap"}]


def test_an_ack_counts_and_the_rejected_and_the_poisoned_are_kept(notes: Site) -> None:
    before = notes.ask("GET", "/state").json["failed"]
    for text in ("acked", "never", "poison"):
        notes.ask("POST", "/notes", {"text": text})
    eventually(lambda: settled(notes))

    assert notes.ask("GET", "/state").json["failed"] - before == 2
    dead = "gave up on a message"  # its line may arrive after the answer of the port
    eventually(lambda: len(notes.lines(dead)) == 2)
    reasons = {line["fields"]["reason"] for line in notes.lines(dead)}
    assert reasons == {"rejected", "attempts"}
    eventually(lambda: notes.lines("settled its message and failed after that"))


def test_handlers_that_wait_don_t_hold_up_each_other(notes: Site) -> None:
    replies = notes.ask_many([("GET", "/meet")] * 20, at_once=20)

    assert {reply.body for reply in replies} == {b"all are here"}


def test_a_def_process_that_asks_is_told_of_the_stop(tmp_path: Path) -> None:
    files = {"_index.yaml": MANIFEST, "pages.py": PAGES, "work.py": WORK}
    with running(write_files(tmp_path, files), FREE_PORT) as site:
        site.line("^watching")
        assert site.stop() == 0
        assert site.lines("^saw the end coming")
