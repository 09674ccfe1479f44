"""Streams of a test: their events as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.testing import App, Refused, running
from tests.testing.application import write

CODE = """
    import asyncio
    from typing import Annotated
    from runtime.modules import http

    async def events(last_event_id: Annotated[int, http.Header] = 0):
        yield http.Event({"n": last_event_id}, id="7", event="a")
        yield http.Event(b"two\\nlines")
        yield http.Event(retry=10)
        await asyncio.sleep(3600)

    async def lines(count: int):
        for n in range(count):
            yield {"n": n}

    async def silent():
        await asyncio.sleep(3600)
        yield 1

    async def work(body):
        pass
"""
ENTRY = (
    "  - {{name: {name}, kind: http.endpoint, meta: {{router: router}}, method: GET, "
    'path: /{name}, func: "file://handlers.py#{name}", answer: {answer}}}\n'
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    answers = {"events": "sse", "lines": "lines", "silent": "lines"}
    entries = (ENTRY.format(name=name, answer=answer) for name, answer in answers.items())
    with running(write(tmp_path, CODE, *entries)) as app:
        yield app


def test_events_come_one_by_one_and_an_endless_stream_is_left(app: App) -> None:
    with app.stream("/events", headers={"Last-Event-ID": "3"}, limit=0.5) as stream:
        first, second = stream.next(), stream.next()
        assert (first.json(), first.id, first.event) == ({"n": 3}, "7", "a")
        assert (second.data, second.id, second.event) == ("two\nlines", None, None)
        with pytest.raises(TimeoutError, match=r"no event within 0.5 s"):
            stream.next()


def test_lines_are_read_until_the_end(app: App) -> None:
    with app.stream("/lines", params={"count": 3}) as stream:
        assert stream.status == 200
        assert [each.json()["n"] for each in stream] == [0, 1, 2]


def test_what_is_no_stream_is_an_answer(app: App) -> None:
    for path, status in (("/none", 404), ("/lines?count=x", 422)):
        with pytest.raises(Refused) as refused:
            app.stream(path)
        assert refused.value.answer.status == status


def test_a_stream_that_does_not_begin_tells_where_its_handler_is(app: App) -> None:
    with pytest.raises(TimeoutError, match=r"GET /silent was not answered within 0.5 s") as late:
        app.stream("/silent", limit=0.5)
    assert "has had GET /silent for" in str(late.value)
