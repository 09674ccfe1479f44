from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current
from runtime.modules import http
from runtime.modules.sync import http as blocking
from tests.support.serving import Answer, route, run, served

ID = EntryId("app", "handler")


def answer_of(handler: Callable[[], Any], body: bytes = b"", *headers: str) -> Answer:
    """What a client gets from a handler that is called as a function kind would."""

    async def called(exchange: Exchange) -> Any:
        current.set(Call(ID, ApplicationContext(), exchange))
        if asyncio.iscoroutinefunction(handler):
            return await handler()
        await exchange.read()
        return await asyncio.to_thread(handler)

    async def main() -> Answer:
        async with served([route("POST", "/x/{id}", called)]) as server:
            return await server.get("/x/7?q=1", *headers, method="POST", body=body)

    return run(main())  # type: ignore[no-any-return]


def test_the_request_in_hand_is_starlette_s() -> None:
    async def handler() -> Any:
        request = http.request()
        return [
            request.method,
            request.path_params["id"],
            request.query_params["q"],
            request.headers["x-a"],
            await request.json(),
            request is http.request(),
            http.exchange().request_id,
        ]

    answer = answer_of(handler, b'{"a":1}', "X-A: b", "X-Request-ID: r1")

    assert answer.json() == ["POST", "7", "1", "b", {"a": 1}, True, "r1"]


def test_the_response_in_hand_is_held_until_the_handler_returns() -> None:
    async def handler() -> None:
        http.response().set_status(http.STATUS.ACCEPTED).write_json({"a": 1})
        http.response().set_header("X-Late", "yes")

    answer = answer_of(handler)

    assert (answer.status, answer["x-late"], answer.json()) == (202, "yes", {"a": 1})
    assert answer["content-type"] == "application/json"


def test_a_plain_def_reads_without_awaiting() -> None:
    def handler() -> Any:
        request = blocking.request()
        blocking.response().set_status(201)
        return [request.method, request.path_params["id"], request.json(), len(request.body())]

    answer = answer_of(handler, b'{"a":1}')

    assert (answer.status, answer.json()) == (201, ["POST", "7", {"a": 1}, 7])


def test_a_plain_def_gets_400_for_what_is_no_json() -> None:
    assert answer_of(lambda: blocking.request().json(), b"{").status == 400


def test_the_blocking_module_says_where_it_belongs() -> None:
    async def handler() -> str:
        with pytest.raises(RuntimeError, match=r"use runtime\.modules\.http in this async def"):
            blocking.request()
        return "said"

    assert answer_of(handler).body == b"said"


def test_outside_of_a_handler_there_is_no_request() -> None:
    with pytest.raises(RuntimeError, match="only inside a handler"):
        http.request()


def test_a_handler_of_another_kind_has_no_request() -> None:
    async def main() -> None:
        current.set(Call(ID, ApplicationContext(), object()))
        with pytest.raises(
            RuntimeError, match=r"'app:handler' was not called by an http\.endpoint"
        ):
            http.response()

    run(main())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b", "x"),
        ("", "x"),
        ("X-A", "a\r\nSet-Cookie: b"),
        ("X-A", "a\x00"),
        ("X-A", "→"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("X-Request-ID", "x"),
    ],
)
def test_a_header_that_must_not_be_sent_is_refused_at_once(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        http.Reply().set_header(name, value)


@pytest.mark.parametrize("status", [0, 100, 199, 600])
def test_a_status_that_cannot_be_answered_is_refused_at_once(status: int) -> None:
    with pytest.raises(ValueError, match="200 to 599"):
        http.Reply().set_status(status)


@pytest.mark.parametrize("status", [200, 399, 600])
def test_an_error_needs_the_status_of_one(status: int) -> None:
    with pytest.raises(ValueError, match="is no error"):
        http.Error(status, "x")


def test_statuses_have_all_their_names() -> None:
    assert 500 == http.STATUS.INTERNAL_ERROR == http.STATUS.INTERNAL_SERVER_ERROR
    assert http.STATUS.UNPROCESSABLE == 422
