"""Starlette's responses that a handler returns: sent as they are, and left as they are."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response_builder import ResponseBuilder
from tests.support.middleware import group_of
from tests.support.serving import Answer, head, route, run, served

PROBLEM = "application/problem+json"


def answers_of(
    value: Any, times: int = 1, *, fill: Any = None, method: str = "GET", middleware: Any = ()
) -> list[Answer]:
    """The answers of a handler that returns or raises one and the same value."""

    async def handler(exchange: Exchange) -> Any:
        if fill is not None:
            fill(exchange.response)
        if isinstance(value, BaseException):
            raise value
        return value

    async def main() -> list[Answer]:
        group = group_of([*middleware], {})
        async with served([route(method, "/x", handler, group=group)], groups=[group]) as server:
            return [
                await server.get("/x", f"X-Request-ID: {n}", method=method) for n in range(times)
            ]

    return run(main())  # type: ignore[no-any-return]


@pytest.mark.parametrize("middleware", [[], ["cors", "compress"]])
@pytest.mark.parametrize(
    "value",
    [
        Response("a" * 5000, media_type="text/plain"),
        JSONResponse({"a": 1}, background=BackgroundTask(lambda: None)),
        RedirectResponse("/y"),
        HTTPError(503, "later", hint="x"),
        HTTPError(409, headers={"X-A": "1"}),
    ],
    ids=["plain", "background", "redirect", "error 503", "error 409"],
)
def test_a_value_may_be_returned_again_and_again(value: Any, middleware: list[str]) -> None:
    def fill(reply: ResponseBuilder) -> None:
        reply.set_header("X-Mine", "1").set_cookie("a", "b")

    state = repr([vars(value), getattr(value, "raw_headers", None)])
    answers = answers_of(value, 3, fill=fill, middleware=middleware)

    ids = [[value for name, value in each.headers if name == "x-request-id"] for each in answers]
    assert ids == [["0"], ["1"], ["2"]]
    assert len({len(each.headers) for each in answers}) == 1
    assert repr([vars(value), getattr(value, "raw_headers", None)]) == state


def test_the_request_id_of_an_error_that_is_raised_again_is_the_request_s_own() -> None:
    answers = answers_of(HTTPError(503, "later"), 2)

    assert [answer.json()["request_id"] for answer in answers] == ["0", "1"]


def test_an_error_that_is_raised_again_does_not_grow() -> None:
    error = HTTPError(409)

    answers_of(error, 3)

    assert error.__traceback__ is None


@pytest.mark.parametrize("background", [None, BackgroundTask(lambda: None)])
def test_what_is_set_on_the_response_counts_for_a_returned_one(background: Any) -> None:
    def fill(reply: ResponseBuilder) -> None:
        reply.set_status(201).set_header("X-A", "mine").set_header("Content-Type", "text/x-own")
        reply.set_cookie("a", "1", max_age=5).set_cookie("b", "2", httponly=True)

    response = JSONResponse({}, headers={"X-A": "its", "X-B": "its"}, background=background)
    response.set_cookie("c", "3")

    (answer,) = answers_of(response, fill=fill)
    cookies = [value.partition(";")[0] for name, value in answer.headers if name == "set-cookie"]

    assert answer.status == 201
    assert (answer["x-a"], answer["x-b"], answer["content-type"]) == ("mine", "its", "text/x-own")
    assert sorted(cookies) == ["a=1", "b=2", "c=3"]
    assert len([name for name, _ in answer.headers if name == "x-a"]) == 1


def test_two_statuses_are_a_mistake_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    (answer,) = answers_of(RedirectResponse("/y"), fill=lambda reply: reply.set_status(201))

    assert answer.status == 500
    assert "set the status 201 and returned an http.Response with 307" in caplog.text


def test_a_stream_that_is_returned_again_is_not_empty_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = answers_of(StreamingResponse(iter([b"x"])), 2)

    assert (first.status, first.body, second.status) == (200, b"x", 500)
    assert "was sent before; return a new one each time" in caplog.text


@pytest.mark.parametrize("streams", [False, True])
def test_the_headers_of_the_server_are_not_a_handler_s(streams: bool) -> None:
    headers = {"X-Request-ID": "forged", "Transfer-Encoding": "chunked"}

    async def parts() -> Any:
        yield b"x"

    response = (
        StreamingResponse(parts(), headers=headers) if streams else Response("x", headers=headers)
    )
    (answer,) = answers_of(response)

    assert [value for name, value in answer.headers if name == "x-request-id"] == ["0"]
    assert ("transfer-encoding" in answer.names) == streams
    assert answer.body == b"x"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    async def handler(exchange: Exchange) -> Response:
        return Response("surplus", status_code=status)

    async def main() -> tuple[Answer, Answer]:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect()
            both = await client.get("/x"), await client.get("/x")
            await client.close()
            return both

    first, second = run(main())

    assert first.status == second.status == status
    assert "content-length" not in first.names


def test_a_response_that_fails_before_it_has_begun_is_a_500() -> None:
    class Failing(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("secret")

    (answer,) = answers_of(Failing())

    assert (answer.status, answer["content-type"]) == (500, PROBLEM)
    assert b"secret" not in answer.body


def test_a_response_with_a_header_that_no_response_may_have_is_a_500() -> None:
    async def parts() -> Any:
        yield b"x"

    (answer,) = answers_of(StreamingResponse(parts(), headers={"X": "a\r\nb"}))

    assert answer.status == 500


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (HTTPException(404, "no such page"), 404, "no such page"),
        (HTTPException(403), 403, None),
        (HTTPException(422), 422, None),
        (HTTPException(499, "odd"), 499, "odd"),
    ],
)
def test_starlette_s_exception_is_its_status(
    error: HTTPException, status: int, detail: str | None
) -> None:
    (answer,) = answers_of(error)

    assert (answer.status, answer["content-type"]) == (status, PROBLEM)
    assert answer.json().get("detail") == detail


def test_starlette_s_exception_keeps_its_headers_and_may_be_a_redirect() -> None:
    def fill(reply: ResponseBuilder) -> None:
        reply.set_cookie("a", "1")

    (login,) = answers_of(HTTPException(401, headers={"WWW-Authenticate": "Bearer"}))
    (moved,) = answers_of(HTTPException(303, headers={"Location": "/login"}), fill=fill)

    assert (login.status, login["www-authenticate"]) == (401, "Bearer")
    assert (moved.status, moved["location"], moved.body) == (303, "/login", b"")
    assert moved["set-cookie"].startswith("a=1")


@pytest.mark.parametrize(
    ("name", "value", "options"),
    [("a b", "1", {}), ("a", "1", {"samesite": "odd"}), ("a", "1", {"path": "/\r\nX: y"})],
)
def test_a_malformed_cookie_is_refused_where_it_is_set(
    name: str, value: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="cookie"):
        ResponseBuilder().set_cookie(name, value, **options)


def test_a_failure_s_line_has_the_text_of_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    answers_of(ValueError("no such colour\nsecond line"))
    answers_of(KeyError())

    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    texts = ["ValueError: no such colour\nsecond line", "KeyError"]
    assert lines == [f"GET /x failed: {text}" for text in texts]


def test_a_head_request_of_a_response_that_is_sent_at_once_has_its_length() -> None:
    async def handler(exchange: Exchange) -> Response:
        return Response("12345")

    async def main() -> Answer:
        async with served([route("GET", "/x", handler)]) as server:
            client = await server.connect()
            client.send(head("HEAD", "/x"))
            answer = await client.answer(head=True)
            await client.close()
            return answer

    assert run(main())["content-length"] == "5"
