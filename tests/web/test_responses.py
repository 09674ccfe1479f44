"""Responses: from what a handler returns or raises to what its client gets."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from tests.support.serving import Answer, head, route, run, served

PROBLEM = "application/problem+json"


def answer_of(handler: Any, request: bytes | None = None, **options: Any) -> Answer:
    """What a client gets from one handler at `GET /x`, or from a raw request to its server."""

    async def main() -> Answer:
        async with served([route("GET", "/x", handler, **options)]) as server:
            client = await server.connect()
            client.send(request or head("GET", "/x"))
            answer = await client.answer(head=bool(request and request.startswith(b"HEAD")))
            await client.close()
            return answer

    return run(main())  # type: ignore[no-any-return]


def returning(value: Any, fill: Any = None) -> Any:
    async def handler(exchange: Exchange) -> Any:
        if fill is not None:
            fill(exchange.response)
        return exchange.response if value == "reply" else value

    return handler


@pytest.mark.parametrize(
    ("value", "fill", "status", "kind", "body"),
    [
        ({"a": 1}, None, 200, "application/json", b'{"a":1}'),
        ([], None, 200, "application/json", b"[]"),
        ("höh", None, 200, "text/plain; charset=utf-8", "höh".encode()),
        (b"\x00", None, 200, "application/octet-stream", b"\x00"),
        (None, None, 204, None, b""),
        ({"a": 1}, lambda r: r.set_status(202), 202, "application/json", b'{"a":1}'),
        ("x", lambda r: r.set_status(201), 201, "text/plain; charset=utf-8", b"x"),
        ("x", lambda r: r.set_header("Content-Type", "text/html"), 200, "text/html", b"x"),
        (None, lambda r: r.set_status(404), 404, None, b""),
        (None, lambda r: r.set_header("X-A", "1"), 204, None, b""),
        (None, lambda r: r.write("a").write("b"), 200, "text/plain; charset=utf-8", b"ab"),
        (
            None,
            lambda r: r.set_status(400).write_json({"e": 1}),
            400,
            "application/json",
            b'{"e":1}',
        ),
        ("reply", lambda r: r.write_json([1]), 200, "application/json", b"[1]"),
        ({"a": 1}, lambda r: r.set_status(204), 204, None, b""),
    ],
)
def test_what_a_handler_returns_is_what_the_client_gets(
    value: Any, fill: Any, status: int, kind: str | None, body: bytes
) -> None:
    answer = answer_of(returning(value, fill))

    assert (status, kind, body) == (answer.status, answer.names.get("content-type"), answer.body)
    assert ("content-length" in answer.names) == (status != 204)


def test_headers_set_on_the_response_are_kept_for_every_kind_of_answer() -> None:
    async def raising(exchange: Exchange) -> None:
        exchange.response.set_header("X-Kept", "yes").set_header("Content-Type", "text/html")
        raise HTTPError(409, "no")

    def keep(reply: Any) -> None:
        reply.set_header("X-Kept", "yes")

    answers = [
        answer_of(returning({}, keep)),
        answer_of(returning(None, keep)),
        answer_of(returning(Response("x", headers={"X-Own": "1"}), keep)),
        answer_of(raising),
    ]

    assert [answer["x-kept"] for answer in answers] == ["yes"] * 4
    assert answers[3]["content-type"] == PROBLEM


def test_an_answer_may_have_times_and_ids_in_it() -> None:
    value = {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": uuid.UUID(int=7)}

    answer = answer_of(returning(value))

    assert {"at": "2026-01-02T00:00:00Z", "id": str(uuid.UUID(int=7))} == answer.json()


def test_a_streamed_response_arrives_whole() -> None:
    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            yield b"one"
            yield b"two"

        return StreamingResponse(parts())

    assert answer_of(handler).body == b"onetwo"


def test_an_error_is_a_problem_document_with_its_extra_members() -> None:
    async def handler(exchange: Exchange) -> None:
        raise HTTPError(422, "no such action", code="action", headers={"X-Why": "x"})

    answer = answer_of(handler)

    assert (answer.status, answer["content-type"], answer["x-why"]) == (422, PROBLEM, "x")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "no such action",
        "code": "action",
    }


@pytest.mark.parametrize(
    "value",
    [
        ("a", 1),
        7,
        object(),
        {"a": object()},
        {"a": "\ud800"},
        Response("x", headers={"X": "a\r\nb"}),
    ],
)
def test_a_value_that_is_no_answer_is_500_and_explained_in_the_log(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = answer_of(returning(value))

    assert answer.status == 500
    assert {answer["x-request-id"]} == {record.request_id for record in caplog.records}  # type: ignore[attr-defined]


def test_a_body_written_and_another_returned_is_a_mistake_that_is_not_hidden() -> None:
    assert answer_of(returning({"a": 1}, lambda reply: reply.write("b"))).status == 500


def test_a_failing_handler_gives_nothing_away_but_the_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(exchange: Exchange) -> None:
        raise ValueError("secret")

    answer = answer_of(handler, head("GET", "/x", "X-Request-ID: abc"))

    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": "abc",
    }
    record = caplog.records[0]
    assert (record.entry, record.request_id) == ("app:handler", "abc")  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), BaseException("odd"), asyncio.CancelledError()]
)
def test_a_handler_can_end_neither_the_server_nor_its_task(error: BaseException) -> None:
    async def handler(exchange: Exchange) -> None:
        raise error

    assert answer_of(handler).status == 500


def test_an_exception_may_declare_its_own_status() -> None:
    class Full(Exception):
        http_status = 503
        retry_after = 1.4

    async def handler(exchange: Exchange) -> None:
        raise Full("queue app:secret is full")

    answer = answer_of(handler)

    assert (answer.status, answer["retry-after"]) == (503, "1")
    assert b"secret" not in answer.body


@pytest.mark.parametrize("error", [ValueError("late"), BaseException("odd")])
def test_an_answer_that_fails_half_way_is_cut_off_and_logged_once(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            yield b"one"
            raise error

        return StreamingResponse(parts())

    async def main() -> bytes:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect()
            client.send(head("GET", "/x"))
            got = await client.ended()
            await client.close()
            return got

    got = run(main())

    assert got.endswith(b"3\r\none\r\n")
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
