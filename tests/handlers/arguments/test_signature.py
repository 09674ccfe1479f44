"""The signature of a handler: where each parameter comes from, by its annotation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from runtime.handlers.arguments.markers import Body, Cookie, File, Form, Header, Path, Query
from runtime.handlers.arguments.origin import read
from runtime.handlers.arguments.signature import EMPTY, Caller, Signature
from runtime.service import StartError

if TYPE_CHECKING:
    from decimal import Decimal


class Task(msgspec.Struct):
    action: str


@dataclass
class Point:
    x: int


class Row(TypedDict):
    a: int


class Request:
    """A type that the caller hands in."""


TaskId = NewType("TaskId", int)
Limit = Annotated[int, Meta(ge=1, le=1000)]

WEB = frozenset({"path", "query", "header", "cookie", "body", "form"})


def caller(*path: str, no_body: str = "", one_body: bool = False) -> Caller:
    return Caller(
        name="POST /tasks",
        namespace="app",
        locations=WEB,
        path=path,
        given={Request: None},
        no_body=no_body,
        one_body=one_body,
    )


def origins(function: Callable[..., Any], *path: str) -> dict[str, tuple[str, str]]:
    found = read(function, caller(*path))
    return {each.name: (each.location, each.alias) for each in found.parameters}


def refusal(function: Callable[..., Any], by: Caller | None = None) -> str:
    with pytest.raises(StartError) as caught:
        read(function, by or caller())
    place, _, text = str(caught.value).partition(": ")
    assert __file__.rsplit("/", 1)[1] in place
    return text


def test_a_marker_decides_before_all_else() -> None:
    async def handler(
        id: Annotated[int, Query()],
        x_tenant: Annotated[str, Header],
        session: Annotated[str, Cookie("sid")],
        key: Annotated[str, Path("id")],
        text: Annotated[str, Body()],
    ) -> None: ...

    assert origins(handler, "id") == {
        "id": ("query", "id"),
        "x_tenant": ("header", "x-tenant"),
        "session": ("cookie", "sid"),
        "key": ("path", "id"),
        "text": ("body", "text"),
    }


def test_a_name_in_the_path_comes_from_there_and_any_other_scalar_from_the_query() -> None:
    async def handler(id: UUID, limit: Limit, tag: list[str], state: Literal["a", "b"]) -> None: ...

    assert origins(handler, "id") == {
        "id": ("path", "id"),
        "limit": ("query", "limit"),
        "tag": ("query", "tag"),
        "state": ("query", "state"),
    }


@pytest.mark.parametrize(
    "annotation",
    [
        Task,
        Task | None,
        Point,
        Row,
        list[Task],
        dict[str, Point],
        dict,
        dict[str, Any],
        list,
        list[dict[str, int]],
        list[list[int]],
        list[Any],
        Annotated[Task, Meta(description="x")],
    ],
)
def test_a_record_or_a_collection_of_them_is_the_body(annotation: Any) -> None:
    async def handler(task: Any, n: int) -> None: ...

    handler.__annotations__["task"] = annotation
    assert origins(handler)["task"] == ("body", "task")


def test_types_of_the_caller_and_entries_are_recognized_also_where_they_are_optional() -> None:
    async def handler(
        request: Request | None, database: Annotated[Any, "db"], other: Annotated[Any, "x:db"]
    ) -> None: ...

    assert origins(handler) == {
        "request": ("given", "request"),
        "database": ("component", "app:db"),
        "other": ("component", "x:db"),
    }


def test_names_that_are_imported_for_type_checkers_only_are_found() -> None:
    async def handler(price: Decimal) -> None: ...

    (price,) = read(handler, caller()).parameters
    assert price.type.__name__ == "Decimal"


def test_a_name_that_is_not_there_is_told_with_its_place() -> None:
    async def handler(price: Money) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    text = refusal(handler)
    assert text.startswith("the annotation of 'price', Money, cannot be read: NameError")


def test_a_marker_within_an_optional_is_found_and_taken_out() -> None:
    async def handler(
        agent: Annotated[str, Header("User-Agent"), Meta(min_length=1)] | None,
    ) -> None: ...

    (agent,) = read(handler, caller()).parameters
    assert (agent.location, agent.alias) == ("header", "user-agent")
    assert msgspec.convert(None, agent.type) is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("", agent.type)


def test_bounds_of_an_optional_are_those_of_its_value() -> None:
    async def handler(limit: Annotated[int | None, Meta(ge=1), Query("n")] = None) -> None: ...

    (limit,) = read(handler, caller()).parameters
    assert (limit.alias, msgspec.convert(None, limit.type)) == ("n", None)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(0, limit.type)


def test_meta_stays_with_the_type_and_defaults_are_kept() -> None:
    async def handler(id: TaskId, limit: Limit = 5, *, tag: str = "") -> list[Task]:
        """List tasks.

        The newest first.
        """
        return []

    found = read(handler, caller())
    assert isinstance(found, Signature)
    id, limit, tag = found.parameters
    assert (id.type, id.required, id.default) == (TaskId, True, EMPTY)
    assert (limit.type, limit.required, limit.default) == (Limit, False, 5)
    assert (tag.name, tag.default) == ("tag", "")
    assert (found.summary, found.description) == ("List tasks.", "The newest first.")
    assert found.returns == list[Task]


def test_a_handler_without_annotations_is_not_typed_but_has_its_docstring() -> None:
    async def handler(request):  # type: ignore[no-untyped-def]
        """Answer."""

    found = read(handler, caller("id"))
    assert not found.typed
    assert found.parameters == ()
    assert (found.summary, found.returns) == ("Answer.", EMPTY)


def test_any_says_as_little_as_no_annotation() -> None:
    async def handler(request: Any) -> dict[str, int]: ...

    found = read(handler, caller())
    assert not found.typed
    assert found.returns == dict[str, int]


def test_a_decorator_that_passes_on_what_it_gets_has_the_parameters_of_what_it_wraps() -> None:
    async def inner(id: int, task: Task) -> None: ...

    @functools.wraps(inner)
    async def outer(*arguments: Any, **named: Any) -> None: ...

    assert [*origins(outer, "id")] == ["id", "task"]
    assert [*origins(functools.partial(inner, 1))] == ["task"]


def test_an_object_that_can_be_called_is_read_by_its_method() -> None:
    class Handler:
        async def __call__(self, id: int, task: Task) -> None: ...

    assert [*origins(Handler(), "id")] == ["id", "task"]


def test_a_consumer_has_one_body_of_any_type() -> None:
    async def handler(text: str, request: Request) -> None: ...

    found = read(handler, caller(one_body=True))
    assert [each.location for each in found.parameters] == ["body", "given"]


def test_contradictions_are_refused_with_the_place() -> None:
    async def two_markers(a: Annotated[int, Query(), Header()]) -> None: ...
    async def marker_and_id(a: Annotated[int, Query(), "db"]) -> None: ...
    async def two_bodies(a: Task, b: Point) -> None: ...
    async def body_and_form(a: Task, b: Annotated[str, Form()]) -> None: ...
    async def whole_and_field(a: Annotated[Task, Form()], b: Annotated[str, Form()]) -> None: ...
    async def same(a: Annotated[int, Query("x")], b: Annotated[int, Query("x")]) -> None: ...
    async def not_in_path(a: Annotated[int, Path()]) -> None: ...
    async def record_in_header(a: Annotated[Task, Header()]) -> None: ...
    async def default(a: int = Query()) -> None: ...  # type: ignore[assignment]

    assert refusal(two_markers) == (
        "the parameter 'a' has more than one source: Query, Header; keep one of them"
    )
    assert "more than one source: Query, 'db'" in refusal(marker_and_id)
    assert refusal(two_bodies).startswith("'a' and 'b' are each the body, of which there is one")
    assert refusal(body_and_form).startswith("'a' is the body, and 'b' a part of a form")
    assert refusal(whole_and_field).startswith("'a' is the whole form")
    assert refusal(same) == "'a' and 'b' are both 'x' of the query"
    assert refusal(not_in_path) == (
        "the parameter 'a' is 'a' of the path, but POST /tasks has none"
    )
    assert "is a Header, which is a text, not a record" in refusal(record_in_header)
    assert "write Annotated[…, http.Query()]" in refusal(default)


def test_a_body_where_there_is_none_is_refused() -> None:
    async def handler(task: Task) -> None: ...
    async def upload(file: Annotated[bytes, File()]) -> None: ...

    without = caller(no_body="a GET has none")
    assert refusal(handler, without).startswith(
        "the parameter 'task' is a body, but a GET has none"
    )
    assert refusal(upload, without).startswith("the parameter 'file' is a form, but a GET has none")


def test_what_a_caller_does_not_have_is_refused_unless_there_is_a_default() -> None:
    async def needs(a: Annotated[str, Query()]) -> None: ...
    async def likes(a: Annotated[str, Query()] = "") -> None: ...

    consumer = Caller(
        name="a consumer", namespace="app", locations=frozenset({"body"}), one_body=True
    )
    assert refusal(needs, consumer) == (
        "the parameter 'a' comes from the query, but a consumer has none"
    )
    (given,) = read(likes, consumer).parameters
    assert (given.location, given.default) == ("given", "")
