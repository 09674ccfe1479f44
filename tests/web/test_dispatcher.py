"""The dispatcher: requests without a route, ids, time-outs and middleware."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Group, Middleware
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
    ("line", "status", "allow"),
    [
        ("GET /nowhere", 404, None),
        ("POST /x", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS /x", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS /nowhere", 404, None),
        ("GET /x/", 404, None),
        ("GET //x", 404, None),
        ("GET /./x", 404, None),
        ("GET /%78", 200, None),
        ("GET /%FF", 400, None),
        ("GET /x%00", 404, None),
        ("GET /x?a=%FF", 200, None),
        ("GET http://other/x", 200, None),
    ],
)
def test_requests_that_no_route_answers(line: str, status: int, allow: str | None) -> None:
    method, path = line.split(" ")

    answer = answer_of(returning("x"), head(method, path))

    assert (status, allow) == (answer.status, answer.names.get("allow"))
    assert "x-request-id" in answer.names
    if status >= 400:
        assert (PROBLEM, status) == (answer["content-type"], answer.json()["status"])


def test_head_gives_the_headers_of_get_without_its_body() -> None:
    answer = answer_of(returning("four"), head("HEAD", "/x"))

    assert (answer.status, answer["content-length"]) == (200, "4")


def test_parameters_are_decoded_and_an_escaped_slash_is_no_boundary() -> None:
    async def handler(exchange: Exchange) -> Any:
        return exchange.request.path_params

    async def main() -> list[Any]:
        routes = [route("GET", "/a/{id}", handler), route("GET", "/f/{rest...}", handler)]
        async with served(routes) as server:
            paths = ["/a/b%2Fc", "/a/%C3%A9", "/a/a+b", "/f/a%2Fb/c"]
            return [(await server.get(path)).json() for path in paths]

    assert run(main()) == [{"id": "b/c"}, {"id": "é"}, {"id": "a+b"}, {"rest": "a/b/c"}]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("a b", False),
        ("é", False),
        ("", False),
    ],
)
def test_a_request_id_is_echoed_if_it_is_a_good_one(given: str, kept: bool) -> None:
    answer = answer_of(returning("x"), head("GET", "/x", f"X-Request-ID: {given}"))

    assert kept == (answer["x-request-id"] == given)
    assert 1 <= len(answer["x-request-id"]) <= 128


def test_every_request_has_an_id_of_its_own() -> None:
    async def main() -> set[str]:
        async with served([route("GET", "/x", returning("x"))]) as server:
            return {(await server.get("/x"))["x-request-id"] for _ in range(5)}

    assert len(run(main())) == 5


def test_what_no_route_answers_goes_through_the_middleware_of_the_nearest_router() -> None:
    def tagging(tag: str) -> Middleware:
        def wrap(app: Any) -> Any:
            async def tagged(scope: Any, receive: Any, send: Any) -> None:
                async def tag_it(message: Any) -> None:
                    if message["type"] == "http.response.start":
                        message["headers"].append((b"x-tag", tag.encode()))
                    await send(message)

                await app(scope, receive, tag_it)

            return tagged

        return wrap

    top = Group(prefix="", middleware={"top": tagging("top")})
    api = Group(prefix="/api", middleware={"outer": tagging("outer"), "inner": tagging("inner")})

    async def main() -> list[Any]:
        routes = [route("GET", "/api/x", returning("x"), group=api)]
        async with served(routes, groups=[top, api]) as server:
            answers = [
                await server.get("/api/x"),
                await server.get("/api/nowhere"),
                await server.get("/api/x", method="POST"),
                await server.get("/api"),
                await server.get("/apis"),
                await server.get("/api/%FF"),
            ]
        return [
            (answer.status, [value for name, value in answer.headers if name == "x-tag"])
            for answer in answers
        ] + [len([1 for name, _ in answers[0].headers if name == "x-request-id"])]

    both = ["inner", "outer"]
    assert [
        (200, both),
        (404, both),
        (405, both),
        (404, both),
        (404, ["top"]),
        (400, both),
        1,
    ] == run(main())


def test_a_failing_middleware_is_a_500_too() -> None:
    def wrap(app: Any) -> Any:
        async def fail(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("secret")

        return fail

    group = Group(middleware={"wrap": wrap})

    async def main() -> Answer:
        async with served(
            [route("GET", "/x", returning("x"), group=group)], groups=[group]
        ) as server:
            return await server.get("/x")

    answer = run(main())

    assert (500, answer["x-request-id"]) == (answer.status, answer.json()["request_id"])
