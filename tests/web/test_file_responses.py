"""A `FileResponse` of a handler, and what a file may do while it is sent."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from runtime.engines.web import ranges
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.open_file import content_type
from tests.support.middleware import group_of
from tests.support.serving import Answer, head, route, run, served

PROBLEM = "application/problem+json"
MANY = 4_000_000
"""Bytes of a file that no buffer of a connection holds."""


def answers_to(
    response: Any, *requests: tuple[str, ...], middleware: list[str] | None = None
) -> list[Answer]:
    """The answers to clients who ask one after the other; a request is its method and headers."""

    async def handler(exchange: Exchange) -> Any:
        return (
            response() if callable(response) and not hasattr(response, "raw_headers") else response
        )

    async def main() -> list[Answer]:
        group = group_of(middleware or [], {})
        routes = [
            route("GET", "/x", handler, group=group),
            route("POST", "/x", handler, group=group),
        ]
        async with served(routes, groups=[group]) as server:
            return [
                await server.get("/x", *headers, method=method) for method, *headers in requests
            ]

    return run(main())  # type: ignore[no-any-return]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize("middleware", [[], ["cors"]])
def test_it_has_its_length_its_validators_and_one_request_id(
    file: Path, middleware: list[str]
) -> None:
    response = FileResponse(file)
    before = list(response.raw_headers)

    get, again, told = answers_to(
        response, ("GET",), ("GET", "X-Request-ID: mine"), ("HEAD",), middleware=middleware
    )

    assert (get["content-length"], get.body, told["content-length"]) == ("10", b"0123456789", "10")
    assert {"etag", "last-modified", "accept-ranges"} <= get.names.keys()
    assert [value for name, value in again.headers if name == "x-request-id"] == ["mine"]
    assert response.raw_headers == before


def test_what_is_set_on_the_response_counts_for_a_file(file: Path) -> None:
    async def handler(exchange: Exchange) -> Any:
        exchange.response.set_status(201).set_header("ETag", '"mine"')
        return FileResponse(file)

    async def main() -> Answer:
        async with served([route("GET", "/x", handler)]) as server:
            return await server.get("/x", "Range: bytes=0-1", 'If-None-Match: "mine"')

    answer = run(main())

    assert (answer.status, answer["etag"], answer.body) == (201, '"mine"', b"0123456789")


def test_it_is_resumed_by_its_validators(file: Path) -> None:
    def fresh() -> FileResponse:
        return FileResponse(file)

    (first,) = answers_to(fresh, ("GET",))
    ranged = [
        answers_to(fresh, ("GET", "Range: bytes=7-", f"If-Range: {validator}"))[0]
        for validator in (first["etag"], first["last-modified"], '"other"', f"W/{first['etag']}")
    ]

    assert [each.status for each in ranged] == [206, 206, 200, 200]
    assert (ranged[0].body, ranged[0]["content-range"]) == (b"789", "bytes 7-9/10")


def test_several_ranges_are_the_parts_of_one_answer(file: Path) -> None:
    (answer,) = answers_to(FileResponse(file), ("GET", "Range: bytes=0-1,-2"))
    boundary = answer["content-type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n") for part in answer.body.split(b"--" + boundary)[1:3]]

    assert answer.status == 206
    assert answer["content-type"].startswith("multipart/byteranges; ")
    assert [part[2] for part in parts] == [b"01\r\n", b"89\r\n"]
    assert b"Content-Range: bytes 8-9/10" in parts[1][0]
    assert answer.body.endswith(b"--" + boundary + b"--\r\n")


def test_a_range_that_no_byte_is_in_is_a_problem_document(file: Path) -> None:
    (answer,) = answers_to(FileResponse(file), ("GET", "Range: bytes=10-", "X-Request-ID: mine"))

    assert (answer.status, answer["content-range"]) == (416, "bytes */10")
    assert (answer["content-type"], answer["x-request-id"]) == (PROBLEM, "mine")
    assert answer.json()["title"] == "Range Not Satisfiable"


@pytest.mark.parametrize(
    "request_", [("HEAD", "Range: bytes=2-3"), ("POST", "Range: bytes=2-3")], ids=["HEAD", "POST"]
)
def test_a_range_counts_for_get_alone(file: Path, request_: tuple[str, ...]) -> None:
    (answer,) = answers_to(FileResponse(file), request_)

    assert (answer.status, answer["content-length"]) == (200, "10")


def test_a_client_that_has_the_file_is_told_so(file: Path) -> None:
    (first,) = answers_to(FileResponse(file), ("GET",))

    known = answers_to(
        lambda: FileResponse(file),
        ("GET", f"If-None-Match: {first['etag']}"),
        ("GET", f'If-None-Match: "a", W/{first["etag"]}'),
        ("HEAD", f"If-Modified-Since: {first['last-modified']}"),
        ("GET", 'If-None-Match: "a"', f"If-Modified-Since: {first['last-modified']}"),
        ("GET", "If-Modified-Since: Mon, 99 Foo 0000 99:99:99 GMT"),
        ("POST", f"If-None-Match: {first['etag']}"),
    )

    assert [answer.status for answer in known] == [304, 304, 304, 200, 200, 200]
    assert known[0]["etag"] == first["etag"]


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
@pytest.mark.parametrize("middleware", [[], ["compress"]])
def test_a_file_that_is_not_there_is_a_500_with_the_path_in_the_log(
    kind: str, middleware: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lost"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    (answer,) = answers_to(FileResponse(path), ("GET",), middleware=middleware)

    assert (answer.status, answer["content-type"]) == (500, PROBLEM)
    (record,) = (each for each in caplog.records if each.levelno == logging.ERROR)
    assert str(path) in record.getMessage()


def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * MANY)

    async def handler(exchange: Exchange) -> FileResponse:
        return FileResponse(path)

    async def main() -> tuple[bytes, Answer]:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect(limit=64 * 1024)
            client.send(head("GET", "/x"))
            begun = await client.reader.readuntil(b"\r\n\r\n")
            with path.open("ab") as growing:
                growing.write(b"b" * 1000)
            body = await client.reader.readexactly(MANY)
            following = await client.get("/x", method="HEAD")
            await client.close()
            return begun + body, following

    got, following = run(main())

    assert b"content-length: %d\r\n" % MANY in got
    assert got.endswith(b"a" * 1000)
    assert following["content-length"] == str(MANY + 1000)


def test_a_file_that_shrinks_while_it_is_sent_is_cut_off_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * MANY)

    async def handler(exchange: Exchange) -> FileResponse:
        return FileResponse(path)

    async def main() -> bytes:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect(limit=64 * 1024)
            client.send(head("GET", "/x"))
            await client.reader.readuntil(b"\r\n\r\n")
            os.truncate(path, 1000)
            got = await client.ended()
            await client.close()
            return got

    got = run(main())

    assert len(got) < MANY
    assert "the file became shorter while it was sent" in caplog.text


def test_what_runs_after_the_response_runs(file: Path) -> None:
    ran: list[str] = []

    answers_to(FileResponse(file, background=BackgroundTask(ran.append, "after")), ("GET",))

    assert ran == ["after"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app.js", ("text/javascript", None)),
        ("a.tar.gz", ("application/gzip", None)),
        ("a.tgz", ("application/gzip", None)),
        ("a.html.GZ", ("application/gzip", None)),
        ("a.txt.bz2", ("application/x-bzip2", None)),
        ("a.json.xz", ("application/x-xz", None)),
        ("a.tar.Z", ("application/x-compress", None)),
        ("a.css.br", ("application/octet-stream", None)),
        ("drawing.svgz", ("image/svg+xml", "gzip")),
        ("data:text/html,x", ("application/octet-stream", None)),
        ("unknown", ("application/octet-stream", None)),
    ],
)
def test_a_file_has_the_type_of_its_bytes(name: str, expected: tuple[str, str | None]) -> None:
    assert expected == content_type(name)


def test_a_type_that_the_handler_has_chosen_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.html.gz"
    path.write_bytes(b"\x1f\x8b")
    kinds = [
        answers_to(response, ("GET",))[0]["content-type"]
        for response in (
            FileResponse(path),
            FileResponse(path, media_type="application/x-own"),
            FileResponse(path, headers={"content-encoding": "gzip"}),
        )
    ]

    assert kinds == ["application/gzip", "application/x-own", "text/html; charset=utf-8"]


def test_a_client_that_leaves_does_not_have_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    done = asyncio.Event()

    async def handler(exchange: Exchange) -> FileResponse:
        async def finished() -> None:
            done.set()

        return FileResponse(path, background=BackgroundTask(finished))

    async def main() -> None:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect(limit=64 * 1024)
            client.send(head("GET", "/x"))
            await client.reader.readuntil(b"\r\n\r\n")
            client.writer.transport.abort()
            await done.wait()

    run(main())


def test_ranges_are_merged_and_never_more_than_the_file() -> None:
    overlapping = "bytes=" + ",".join(f"{number}-" for number in range(100))

    assert ranges.parse(overlapping, 1000) == [(0, 1000)]
    assert ranges.parse("bytes=0-0", 0) == []
