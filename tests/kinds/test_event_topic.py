"""event.topic: a live feed over all workers and programs, as real programs send and read it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.exit_codes import ExitCode
from runtime.findings.finding import ManifestError
from tests.support.hosting import linked
from tests.support.postgres_schema import PostgresSchema
from tests.support.program import Program, running, write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: db, DATABASE}
  - {name: news, kind: event.topic, database: db}
  - name: feed
    kind: http.endpoint
    method: GET
    path: /feed
    func: file://news.py#feed
    answer: sse
  - {name: add, kind: http.endpoint, method: POST, path: /news, func: file://news.py#add}
  - {name: tell, kind: http.endpoint, method: POST, path: /def, func: file://plain.py#tell}
"""
FILES = {
    "news.py": """
import os
from runtime.modules import events, http

async def feed():
    listening = events.listen("news")
    yield http.Event(os.getpid(), event="worker")
    async for value in listening:
        yield value

async def add(request):
    await events.send("app:news", await request.json())
    return {"worker": os.getpid()}
""",
    "plain.py": """
from runtime.modules.sync import events

def tell(request):
    events.send("news", request.json())
""",
}
SQLITE = "kind: db.sql.sqlite, file: ./app.db"


def application(folder: Path, database: str = SQLITE) -> Path:
    return write_application(folder, MANIFEST.replace("DATABASE", database), **FILES)


class Feed:
    """An open event stream."""

    def __init__(self, program: Program) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
        self._connection.request("GET", "/feed")
        self._answer = self._connection.getresponse()
        self.worker = self.next()

    def next(self) -> Any:
        """The data of the next event; None at the end."""
        while line := self._answer.readline():
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        return None

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


@contextlib.contextmanager
def listening(program: Program, workers: int) -> Iterator[list[Feed]]:
    """Feeds of which there is one at least from each of so many workers."""
    feeds: list[Feed] = []
    try:
        while len({feed.worker for feed in feeds}) < workers:
            assert len(feeds) < 200
            feeds.append(Feed(program))
        yield feeds
    finally:
        for feed in feeds:
            feed.close()


def post(program: Program, value: Any, path: str = "/news") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    connection.request("POST", path, json.dumps(value))
    assert connection.getresponse().status in (200, 204)
    connection.close()


def test_a_feed_hears_all_workers_on_sqlite_and_the_stop_ends_it(tmp_path: Path) -> None:
    application(tmp_path)
    with (
        running(tmp_path, "--workers", "4") as program,
        listening(program, workers=4) as feeds,
    ):
        for n in range(10):
            post(program, {"n": n})
        post(program, {"n": 10}, "/def")
        for feed in feeds:
            assert sorted(feed.next()["n"] for _ in range(11)) == [*range(11)]
        program.signal(15)
        assert [feed.next() for feed in feeds] == [None] * len(feeds)
        assert program.wait() == ExitCode.OK


def test_a_feed_hears_another_program_on_postgresql(
    tmp_path: Path, postgres: PostgresSchema
) -> None:
    application(tmp_path, f'kind: db.sql.postgres, dsn: "{postgres.url}"')
    with (
        running(tmp_path) as first,
        running(tmp_path) as second,
        listening(first, workers=1) as here,
        listening(second, workers=1) as there,
    ):
        post(first, "of the first")
        assert [feed.next() for feed in (*here, *there)] == ["of the first"] * 2
        post(second, "long" * 4000)
        assert [feed.next() for feed in (*here, *there)] == ["long" * 4000] * 2


def test_a_topic_within_a_process_is_refused_with_workers(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("database: db}", "}").replace("DATABASE", SQLITE)
    write_application(tmp_path, manifest, **FILES)
    with running(tmp_path, "--workers", "2", ready=False) as program:
        assert program.wait() == ExitCode.INVALID_MANIFEST
    assert "'app:news' has no database, so that it works within one process" in program.stderr


def test_a_topic_that_is_named_wrongly_is_told_before_the_start(tmp_path: Path) -> None:
    wrong = {"news.py": FILES["news.py"].replace('"app:news"', '"app:db"').replace('"news"', '"n"')}

    found = linked(tmp_path, MANIFEST.replace("DATABASE", SQLITE), {**FILES, **wrong}).notes

    texts = [f"{note.message} {note.hint}" for note in found]
    assert any("app:n" in text for text in texts)
    assert any("db.sql.sqlite" in text for text in texts)


def test_a_forgotten_await_of_send_is_a_finding(tmp_path: Path) -> None:
    wrong = {"news.py": FILES["news.py"].replace("await events.send", "events.send")}

    with pytest.raises(ManifestError, match="await"):
        linked(tmp_path, MANIFEST.replace("DATABASE", SQLITE), {**FILES, **wrong})
