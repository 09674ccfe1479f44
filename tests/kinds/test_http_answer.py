"""`answer: sse` and `answer: lines`: endpoints whose functions are async generators."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

import pytest

from runtime.engines.web.streaming import Stream
from runtime.findings.finding import ManifestError
from tests.support.clock import FakeClock
from tests.support.consuming import until
from tests.support.feeds import FEEDS, MANIFEST, due, logged, on_site, opened, read
from tests.support.hosting import GATEWAY, Hosted, hosted, linked
from tests.support.remains import instances, without_collector
from tests.support.serving import head, run


def test_values_and_events_are_sent_as_server_sent_events(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/events", "Accept-Encoding: gzip")
        assert answer.body.decode() == (
            'data: {"n":1}\n\n'
            'data: "text"\n\n'
            "event: rows\nid: 7\nretry: 500\ndata: [1,null]\n\n"
            "data: <p>\ndata: raw</p>\n\n"
            "id: 8\n\n"
        )
        assert answer["content-type"] == "text/event-stream"
        assert answer["cache-control"] == "no-cache, no-transform"
        assert answer["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.names

    on_site(tmp_path, test)


def test_lines_are_json_one_to_a_line(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/rows", "Accept-Encoding: gzip")
        assert answer.body == b'{"n":0}\n{"n":1}\n{"n":2}\n'
        assert answer["content-type"] == "application/x-ndjson"
        assert "content-encoding" not in answer.names

    on_site(tmp_path, test)


def test_what_fails_before_the_first_value_is_an_ordinary_response(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        assert (await site.get("/late")).json()["detail"] == "not now"
        assert (await site.get("/wide?limit=many")).status == 422
        assert (await site.get("/wide?limit=3")).body == b"data: 3\n\n"
        assert (await site.get("/fails")).status == 500
        assert (await site.get("/bad")).status == 500
        assert (await site.get("/nothing")).status == 204

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("name", "text"), [("breaks", "LookupError: no more"), ("leaves", "raised SystemExit: 3")]
)
def test_a_failure_after_the_first_value_cuts_the_stream_off_and_is_logged(
    name: str, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(site: Hosted) -> None:
        async with opened(site, f"/{name}") as client:
            rest = await client.ended()
        assert b"data: 1\n\n" in rest
        assert not rest.endswith(b"0\r\n\r\n")
        record = await logged(caplog, text)
        assert str(vars(record)["entry"]) == f"app:{name}"

    on_site(tmp_path, test)


def test_headers_path_and_body_reach_the_generator(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        assert (await site.get("/resumes", "Last-Event-ID: 8")).body == b'data: "8"\n\n'
        assert (await site.get("/resumes")).body == b"data: null\n\n"
        assert (await site.get("/given?a=b")).body == b'data: "b"\n\n'
        answer = await site.get("/post", method="POST", body=b'{"a":1}')
        assert answer.body == b'data: {"a":1}\n\n'

    on_site(tmp_path, test)


def test_head_runs_nothing_of_the_generator(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/late", method="HEAD")
        assert (answer.status, answer["content-type"]) == (200, "text/event-stream")

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("path", "first"), [("/cleans", b"1\n\n"), ("/lines", b"1\n"), ("/slow", b"")]
)
def test_a_client_that_leaves_closes_the_generator(
    path: str, first: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def test(site: Hosted) -> None:
        async with opened(site, path) as client:
            await (read(client, first) if first else logged(caplog, "opened"))
        await logged(caplog, "closed")

    on_site(tmp_path, test)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_quiet_stream_begins_after_a_second_and_has_a_comment_every_15_seconds(
    tmp_path: Path,
) -> None:
    clock = FakeClock()

    async def test(site: Hosted) -> None:
        async with opened(site, "/quiet") as client:
            await due(clock, 1)
            await clock.advance(1)
            assert b"text/event-stream" in await read(client, b": still here\n\n")
            for _ in range(3):
                await due(clock, 15)
                await clock.advance(15)
                await read(client, b": still here\n\n")

    on_site(tmp_path, test, clock)


def test_a_timeout_is_the_time_until_the_first_value(tmp_path: Path) -> None:
    clock = FakeClock()

    async def test(site: Hosted) -> None:
        async with opened(site, "/slow") as client:
            await due(clock, 5)
            await clock.advance(5)
            assert (await client.answer()).status == 504

    on_site(tmp_path, test, clock)


def test_a_drain_tells_clients_to_return_and_ends_their_streams(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> list[bytes]:
        async with hosted(tmp_path, MANIFEST, {"feeds.py": FEEDS}) as site:
            clients = []
            for path, first in (
                ("/cleans", b"data: 1\n\n"),
                ("/polite", b"data: 1\n\n"),
                ("/retries", b"retry: 9\n\n"),
                ("/slow", b""),
            ):
                client = await site.connect()
                client.send(head("GET", path))
                await (read(client, first) if first else logged(caplog, "opened"))
                clients.append(client)
        rest = [await client.ended() for client in clients]
        for client in clients:
            await client.close()
        return rest

    drained, polite, retries, slow = run(main())

    assert re.search(rb"retry: [123]\d{3}\n\n", drained)
    assert b'data: "bye"' in polite
    assert b"retry" not in polite + retries
    assert slow.startswith(b"HTTP/1.1 200")
    assert b"retry: " in slow
    for each in (drained, polite, retries, slow):
        assert each.endswith(b"0\r\n\r\n")
    assert [r.getMessage() for r in caplog.records].count("closed") == 2


def test_a_slow_client_holds_the_generator_back(tmp_path: Path) -> None:
    feeds = """
MADE = []
async def flood():
    for n in range(1_000_000):
        MADE.append(n)
        yield "x" * 1000
"""
    manifest = GATEWAY + (
        "  - {name: router, kind: http.router}\n"
        "  - {name: flood, kind: http.endpoint, method: GET, path: /flood, func: flood_function, "
        "answer: sse}\n"
        "  - {name: flood_function, kind: function.python, source: file://feeds.py, "
        "method: flood}\n"
    )

    async def main() -> None:
        async with hosted(tmp_path, manifest, {"feeds.py": feeds}) as site:
            function = site.application.scope.component("flood_function", "app").function
            made = function.__globals__["MADE"]
            async with opened(site, "/flood"):
                before = -1
                while before < len(made):
                    before = len(made)
                    for _ in range(100):
                        await asyncio.sleep(0)
                assert 0 < before < 100_000

    run(main())


def test_nothing_of_a_stream_is_left_to_the_garbage_collector(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        with without_collector():
            for path in ("/ends", "/late", "/events", "/cleans"):
                async with opened(site, path) as client:
                    await read(client, b"\r\n\r\n")
            await until(lambda: not instances(Stream))

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("function", "answer", "found"),
    [
        (
            "async def main():\n    return 1",
            "sse",
            "'answer: sse' needs a generator, and 'main' has",
        ),
        (
            "def main():\n    yield 1",
            "lines",
            "this 'yield' is in a plain 'def', and 'answer: lines'",
        ),
        ("async def main():\n    yield 1", "json", "write 'answer: sse', or 'answer: lines'"),
        ("async def main():\n    yield 1", "ssee", "did you mean 'sse'?"),
    ],
)
def test_a_function_that_does_not_fit_its_answer_is_a_finding(
    function: str, answer: str, found: str, tmp_path: Path
) -> None:
    manifest = GATEWAY + (
        "  - {name: router, kind: http.router}\n"
        "  - {name: feed, kind: http.endpoint, method: GET, path: /, func: 'file://a.py#main', "
        f"answer: {answer}}}\n"
    )
    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, manifest, {"a.py": function})

    assert found in str(caught.value)
