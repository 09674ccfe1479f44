"""Typed handlers of endpoints: what they are given, and which requests are refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, TypedDict
from uuid import UUID

import pytest
from msgspec import Meta

from runtime.modules import http, logger
from runtime.modules.sync import http as sync_http
from tests.support.typed import Item, NewTask, Served

ID = "6f7a1c9e-6c0f-4f0e-9d57-1f0a8b1c2d3e"


@dataclass
class Point:
    x: int
    y: int = 0


class Row(TypedDict):
    a: int


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def test_all_places_are_read_in_one_call() -> None:
    async def create(
        id: UUID,
        task: NewTask,
        limit: Annotated[int, Meta(le=1000)],
        tag: list[int],
        x_tenant: Annotated[str, http.Header],
        session: Annotated[str, http.Cookie("sid")],
    ) -> Any:
        return [id, task.action, limit, tag, x_tenant, session]

    served = Served(create, path="/tasks/{id}")
    answer = served(
        f"/tasks/{ID}?limit=5&tag=1&tag=2&other=9",
        json={"action": "sum"},
        headers={"X-Tenant": "acme", "Cookie": "sid=abc"},
    )

    assert answer.json() == [ID, "sum", 5, [1, 2], "acme", "abc"]


@pytest.mark.parametrize(
    ("annotation", "sent", "got"),
    [
        (NewTask, {"action": "sum"}, {"action": "sum", "data": {}, "items": [], "due": None}),
        (Point, {"x": 1}, {"x": 1, "y": 0}),
        (Row, {"a": 1}, {"a": 1}),
        (list[Point], [{"x": 1, "y": 2}], [{"x": 1, "y": 2}]),
        (dict[str, Item], {"a": {"n": 1}}, {"a": {"n": 1, "name": "x"}}),
        (Annotated[int, http.Body], 5, 5),
    ],
)
def test_a_body_may_be_any_record(annotation: Any, sent: Any, got: Any) -> None:
    async def handler(body: Any) -> Any:
        return [body]

    handler.__annotations__["body"] = annotation
    assert Served(handler)(json=sent).json() == [got]


def test_a_body_may_be_null_where_that_is_said() -> None:
    async def handler(task: NewTask | None) -> Any:
        return [task]

    served = Served(handler)
    assert served(content=b"null").json() == [None]
    assert served(content=b"").status_code == 400


def test_text_of_a_query_becomes_what_the_annotation_says() -> None:
    async def handler(
        whole: int, part: float, on: bool, day: date, price: Decimal, colour: Colour
    ) -> Any:
        return [whole, part, on, day, price, colour]

    answer = Served(handler, "GET")(
        "/?whole=-5&part=0.5&on=true&day=2026-01-31&price=1.10&colour=red"
    )

    assert answer.json() == [-5, 0.5, True, "2026-01-31", "1.10", "red"]


def test_text_in_a_query_is_decoded_as_a_form_writes_it() -> None:
    async def handler(text: str, names: Annotated[list[str], http.Query("näme[]")]) -> Any:
        return [text, names]

    answer = Served(handler, "GET")("/?text=a+b%26%C3%A4=c&n%C3%A4me%5B%5D=1&n%C3%A4me%5B%5D=2&x")

    assert answer.json() == ["a b&ä=c", ["1", "2"]]


def test_the_last_of_several_values_counts_where_one_is_asked_for() -> None:
    async def handler(n: int) -> Any:
        return [n]

    assert Served(handler, "GET")("/?n=1&n=2").json() == [2]


def test_defaults_are_used_and_never_shared_between_requests() -> None:
    async def handler(
        limit: int = 100,
        tags: list[str] = ["new"],  # noqa: B006
        task: NewTask | None = None,
    ) -> Any:
        tags.append("seen")
        return [limit, tags, task]

    served = Served(handler)
    for _ in range(2):
        assert served().json() == [100, ["new", "seen"], None]


def test_bytes_are_the_body_as_it_came() -> None:
    async def handler(data: Annotated[bytes, http.Body]) -> Any:
        return data

    assert Served(handler)(content=b"\xff{").content == b"\xff{"


def test_the_request_can_still_be_read_beside_a_body() -> None:
    async def handler(task: NewTask, request: http.Request, reply: http.Reply) -> Any:
        reply.set_status(201)
        return [task.action, await request.json(), request.method]

    answer = Served(handler)(json={"action": "sum"})
    assert (answer.status_code, answer.json()) == (201, ["sum", {"action": "sum"}, "POST"])


def test_a_plain_def_gets_what_blocks_in_the_place_of_what_is_awaited() -> None:
    class Component:
        blocking = "blocking"

    def handler(
        task: NewTask,
        request: sync_http.Request,
        db: Annotated[Any, "db"],
        *,
        log: logger.Logger,
        n: int = 3,
    ) -> Any:
        log.info("called")
        return [task.action, request.json(), db, n]

    served = Served(handler, components={"db": Component()})
    assert served("/?n=4", json={"action": "sum"}).json() == [
        "sum",
        {"action": "sum"},
        "blocking",
        4,
    ]
    assert served.errors("/?n=x", json=[]) == [
        ("query", "n", "must be an integer"),
        ("body", "#", "must be an object"),
    ]


def test_a_component_may_say_what_it_hands_out() -> None:
    class Component:
        def handed_out(self) -> str:
            return "client"

    async def handler(client: Annotated[Any, "client"], other: Annotated[Any, "app:db"]) -> Any:
        return [client, other]

    served = Served(handler, "GET", components={"client": Component(), "db": 7})
    assert served().json() == ["client", 7]


def test_what_a_guard_left_is_given_by_its_name() -> None:
    async def handler(
        user: Annotated[str, http.State], role: Annotated[str, http.State("r")] = "-"
    ) -> Any:
        return [user, role]

    served = Served(handler, "GET")
    inner = served.dispatcher

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope | {"state": {"user": "ann"}}, receive, send)

    assert served().status_code == 500
    served.dispatcher = with_state  # type: ignore[assignment]
    assert served().json() == ["ann", "-"]
