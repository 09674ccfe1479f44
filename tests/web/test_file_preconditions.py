"""`If-Match` and `If-Unmodified-Since`: a client gets the file that it means, or 412."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import FileResponse

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.files import Files
from tests.support.serving import Answer, head, route, run, served

MODIFIED = 1_767_225_600
BEFORE = "Wed, 31 Dec 2025 23:59:59 GMT"
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
PROBLEM = "application/problem+json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "public" / "report.txt"
    path.parent.mkdir()
    path.write_bytes(b"0123456789")
    os.utime(path, (MODIFIED, MODIFIED))
    return path


def answer_of(file: Path, source: str, *headers: str, method: str = "GET", **own: str) -> Answer:
    """The answer to a request for the file; `{etag}` in a header is the file's own."""

    async def handler(exchange: Exchange) -> Any:
        return FileResponse(file, headers=own or None)

    async def main() -> Answer:
        routes = [route(each, "/report.txt", handler) for each in {"GET", method}]
        if source == "static":
            routes = list(Files(file.parent).routes("/", "app:files"))
        async with served(routes) as server:
            etag = (await server.get("/report.txt"))["etag"]
            sent = [header.replace("{etag}", etag) for header in headers]
            client = await server.connect()
            client.send(head(method, "/report.txt", *sent))
            answer = await client.answer(head=method == "HEAD")
            await client.close()
            return answer

    return run(main())  # type: ignore[no-any-return]


BOTH = pytest.mark.parametrize("source", ["static", "handler"])


@BOTH
@pytest.mark.parametrize(
    "headers",
    [
        ['If-Match: "old"'],
        ["If-Match: W/{etag}"],
        ['If-Match: "old", W/{etag}', 'If-Match: "older"'],
        ["If-Match: old"],
        [f"If-Unmodified-Since: {BEFORE}"],
        ['If-Match: "old"', f"If-Unmodified-Since: {DATE}"],
        ['If-Match: "old"', "If-None-Match: {etag}"],
        ['If-Match: "old"', "Range: bytes=50-"],
    ],
    ids=str,
)
def test_another_file_than_the_one_meant_is_a_412(
    file: Path, source: str, headers: list[str]
) -> None:
    answer = answer_of(file, source, "Range: bytes=2-3", *headers)

    assert (answer.status, answer["content-type"]) == (412, PROBLEM)
    assert answer.json()["title"] == "Precondition Failed"
    assert b"23" not in answer.body.replace(b"412", b"")


@BOTH
@pytest.mark.parametrize(
    "headers",
    [
        ["If-Match: {etag}"],
        ['If-Match: "a,b" ,{etag}'],
        ['If-Match: "old"', "If-Match: {etag}"],
        ['If-Match: W/"old", {etag}'],
        ["If-Match: *"],
        [f"If-Unmodified-Since: {DATE}"],
        ["If-Unmodified-Since: yesterday"],
        ["If-Match: {etag}", f"If-Unmodified-Since: {BEFORE}"],
    ],
    ids=str,
)
def test_the_file_that_is_meant_is_sent(file: Path, source: str, headers: list[str]) -> None:
    answer = answer_of(file, source, "Range: bytes=2-3", *headers)

    assert (answer.status, answer.body) == (206, b"23")


@BOTH
def test_head_is_refused_as_get_is(file: Path, source: str) -> None:
    assert answer_of(file, source, 'If-Match: "old"', method="HEAD").status == 412


def test_a_handler_that_has_acted_is_not_refused_afterwards(file: Path) -> None:
    assert answer_of(file, "handler", 'If-Match: "old"', method="POST").status == 200


def test_what_a_handler_says_of_its_file_counts(file: Path) -> None:
    own = {"etag": '"a,b"', "last-modified": BEFORE}

    assert answer_of(file, "handler", 'If-Match: "x", "a,b"', **own).status == 200
    assert answer_of(file, "handler", f"If-Unmodified-Since: {BEFORE}", **own).status == 200
    assert answer_of(file, "handler", 'If-Match: W/"w"', etag='W/"w"').status == 412
