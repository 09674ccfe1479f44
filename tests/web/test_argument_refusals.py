"""Requests to typed handlers that do not fit, and handlers that no request could fit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from runtime.modules import http, sql
from runtime.modules.sync import http as sync_http
from runtime.service import StartError
from tests.support.typed import Item, NewTask, Served


def test_numbers_in_a_body_are_not_read_from_text() -> None:
    async def handler(item: Item, n: int) -> Any:
        return item

    served = Served(handler)
    assert served("/?n=1", json={"n": 1}).status_code == 200
    assert served.errors("/?n=1", json={"n": "1"}) == [("body", "#/n", "must be an integer")]


def test_all_faults_are_told_at_once_with_their_places() -> None:
    async def handler(
        id: UUID,
        task: NewTask,
        limit: Annotated[int, Meta(ge=1)] = 1,
        tag: list[int] = [],  # noqa: B006
    ) -> Any: ...

    served = Served(handler, path="/tasks/{id}")
    body = {"action": "zum", "items": [{"n": 0}, {"name": 3}, 7], "due": "soon", "acton": 1}
    answer = served("/tasks/5?limit=0&tag=1&tag=x", json=body)

    assert answer.json()["detail"] == "10 things are wrong with the request"
    assert served.errors("/tasks/5?limit=0&tag=1&tag=x", json=body) == [
        ("path", "id", "must be a UUID"),
        ("query", "limit", "must be at least 1"),
        ("query", "tag", "item 2 must be an integer"),
        ("body", "#/action", "must be one of 'noop', 'sum', 'uppercase'"),
        ("body", "#/items/0/n", "must be at least 1"),
        ("body", "#/items/1/n", "is missing"),
        ("body", "#/items/1/name", "must be a string"),
        ("body", "#/items/2", "must be an object"),
        ("body", "#/due", "must be a date, such as '2026-01-31' or null"),
        ("body", "#/acton", "unknown field; did you mean 'action'?"),
    ]


def test_null_is_a_text_where_values_are_texts() -> None:
    async def handler(
        n: int | None = None,
        kind: Annotated[Literal["a", "b"] | None, Meta(description="sort")] = None,
        name: str | None = None,
    ) -> Any:
        return [n, kind, name]

    served = Served(handler, "GET")
    assert served("/?name=null").json() == [None, None, "null"]
    assert served.errors("/?n=null&kind=null") == [
        ("query", "n", "must be an integer"),
        ("query", "kind", "must be one of 'a', 'b'"),
    ]


def test_seconds_are_no_moment_and_no_duration() -> None:
    async def handler(
        since: datetime | None = None,
        every: timedelta | None = None,
        at: list[datetime] = [],  # noqa: B006
    ) -> Any: ...

    served = Served(handler, "GET")
    assert served.errors("/?since=0.5&every=60&at=2026-01-31T12:00:00Z&at=1e9") == [
        ("query", "since", "must be a date and time, such as '2026-01-31T12:00:00Z'"),
        ("query", "every", "must be a duration, such as 'PT1H30M'"),
        ("query", "at", "must be a date and time, such as '2026-01-31T12:00:00Z'"),
    ]


def test_what_is_missing_is_told_by_its_name_on_the_wire() -> None:
    async def handler(
        n: int, x_tenant: Annotated[str, http.Header], sid: Annotated[str, http.Cookie]
    ) -> Any: ...

    assert Served(handler, "GET").errors() == [
        ("query", "n", "is missing"),
        ("header", "x-tenant", "is missing"),
        ("cookie", "sid", "is missing"),
    ]


def test_what_is_no_json_is_400_as_it_is_without_types() -> None:
    async def handler(task: NewTask) -> Any: ...

    served = Served(handler)
    for body, text in [
        (b"", "the body is empty"),
        (b"{", "not valid JSON"),
        (b'{"action": "\xff"}', "not UTF-8"),
        (b'{"action": NaN}', "not valid JSON"),
        (b'{"data": ' + b"[" * 101 + b"]" * 101 + b"}", "nested deeper than 100"),
        (
            b'{"action":"sum","data":{"a":' + b"[" * 200 + b"]" * 200 + b"}}",
            "nested deeper than 100",
        ),
        (b'{"action":"sum","data":' + b"[" * 100_000, "nested deeper than 100"),
    ]:
        answer = served(content=body)
        assert (answer.status_code, answer.headers["content-type"]) == (
            400,
            "application/problem+json",
        )
        assert text in answer.json()["detail"], body[:30]


def test_a_body_above_the_limit_is_413() -> None:
    async def handler(task: NewTask) -> Any: ...

    assert Served(handler)(content=b" " * (1024 * 1024 + 1)).status_code == 413


def test_a_query_that_is_not_utf_8_is_400_as_a_path_is() -> None:
    async def handler(q: str = "") -> Any: ...

    assert Served(handler, "GET")("/?q=%ff").status_code == 400


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
def test_a_number_in_a_query_is_finite(text: str) -> None:
    async def handler(x: float = 0, y: list[float] | None = None) -> Any: ...

    served = Served(handler, "GET")
    assert [error[:2] for error in served.errors(f"/?x={text}")] == [("query", "x")]
    assert [error[:2] for error in served.errors(f"/?y=1&y={text}")] == [("query", "y")]


def test_a_refusal_has_at_most_twenty_faults_and_says_so() -> None:
    async def handler(items: list[Item]) -> Any: ...

    answer = Served(handler)(json=[{}] * 50)
    assert answer.json()["detail"] == "20 things or more are wrong with the request"
    assert len(answer.json()["errors"]) == 20


def test_an_async_def_cannot_have_the_request_of_a_plain_def() -> None:
    async def handler(request: sync_http.Request) -> Any: ...

    with pytest.raises(StartError, match=r"from runtime\.modules, not"):
        Served(handler)


def test_a_class_may_check_itself_in_its_own_words() -> None:
    class Range(msgspec.Struct):
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low must not be above high")

    async def handler(ranges: Any) -> Any: ...

    handler.__annotations__["ranges"] = list[Range]
    served = Served(handler)
    assert served.errors(json=[{"low": 1, "high": 2}, {"low": 2, "high": 1}]) == [
        ("body", "#/1", "low must not be above high")
    ]


def test_a_type_of_which_nothing_is_made_is_refused_when_the_handler_is_loaded() -> None:
    class Plain:
        """No record."""

    async def scalar(x: Any) -> Any: ...
    async def nested(x: Any) -> Any: ...

    scalar.__annotations__["x"] = Plain
    nested.__annotations__["x"] = dict[str, Plain]
    for handler in scalar, nested:
        with pytest.raises(
            StartError, match=r"test_argument_refusals\.py:\d+: the parameter 'x': no value"
        ):
            Served(handler)


def test_a_component_without_its_id_is_told_how_to_name_it() -> None:
    async def handler(db: sql.Database) -> None: ...

    with pytest.raises(
        StartError, match=r"'db': .* the entry that it is: Annotated\[Database, 'id'"
    ):
        Served(handler)


def test_a_name_in_a_record_that_is_not_there_is_told_with_its_parameter() -> None:
    class Note(msgspec.Struct):
        tag: "Tga"  # type: ignore[name-defined]  # noqa: F821, UP037

    async def query(x: Any) -> Any: ...
    async def body(x: Any) -> Any: ...

    query.__annotations__["x"] = list[Note]
    body.__annotations__["x"] = Note
    for handler in query, body:
        with pytest.raises(StartError, match="the parameter 'x': name 'Tga' is not defined"):
            Served(handler)
