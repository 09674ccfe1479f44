"""The OpenAPI document of routes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from openapi_spec_validator import validate

from runtime.engines.web.openapi.document import describe
from runtime.engines.web.openapi.settings import Info
from runtime.engines.web.request import Request
from runtime.engines.web.routes import Group, Route
from runtime.entry_id import EntryId
from runtime.handlers.arguments.markers import Body, Cookie, File, Form, Header
from runtime.modules import http
from tests.support.operations import described, document_of, operation


class NewTask(msgspec.Struct):
    action: str


class Task(msgspec.Struct):
    id: UUID
    action: str


async def create(body: NewTask, x_tenant: Annotated[str | None, Header()] = None) -> Task:
    """Take a task.

    It is done later, by `process_task`.
    """
    http.response().set_status(202)
    raise NotImplementedError


async def listing(
    status: Literal["open", "done"] | None = None,
    limit: Annotated[int, Meta(ge=1, description="At most so many.")] = 100,
    tag: list[str] = [],  # noqa: B006
    session: Annotated[str, Cookie("sid")] = "",
) -> list[Task]:
    raise NotImplementedError


async def get(id: UUID) -> Task:
    raise http.Error(404)


async def delete(task: UUID) -> None: ...


async def untyped(request):  # type: ignore[no-untyped-def]
    """Answer anything."""


def test_a_typed_operation_is_described_whole() -> None:
    found = described(create, "POST /tasks", name="app:create_task", tags=("tasks",))
    problem = "#/components/responses/"

    assert found == {
        "operationId": "create_task",
        "summary": "Take a task.",
        "description": "It is done later, by `process_task`.",
        "tags": ["tasks"],
        "x-source": f"tests/web/openapi/{Path(__file__).name}:{create.__code__.co_firstlineno}",
        "parameters": [{"name": "x-tenant", "in": "header", "schema": {"type": "string"}}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewTask"}}},
        },
        "responses": {
            "202": {
                "description": "Accepted",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}},
            },
            "400": {"$ref": f"{problem}BadRequest"},
            "413": {"$ref": f"{problem}ContentTooLarge"},
            "422": {"$ref": f"{problem}UnprocessableContent"},
            "default": {"$ref": f"{problem}Other"},
        },
    }


def test_parameters_have_their_place_their_default_and_no_null() -> None:
    assert described(listing)["parameters"] == [
        {"name": "status", "in": "query", "schema": {"enum": ["done", "open"]}},
        {
            "name": "limit",
            "in": "query",
            "description": "At most so many.",
            "schema": {"type": "integer", "minimum": 1, "default": 100},
        },
        {
            "name": "tag",
            "in": "query",
            "schema": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        {"name": "sid", "in": "cookie", "schema": {"type": "string", "default": ""}},
    ]


def test_an_untyped_handler_has_its_path_and_on_some_methods_any_body() -> None:
    path = [{"name": "id", "in": "path", "required": True}]
    path[0]["schema"] = {"type": "string", "minLength": 1}
    get, put = (described(untyped, f"{method} /tasks/{{id}}") for method in ("GET", "PUT"))

    assert get["parameters"] == put["parameters"] == path
    assert "requestBody" not in get
    assert put["requestBody"] == {"content": {"application/json": {"schema": {}}}}
    assert put["responses"] == {"default": {"description": "Any other response of the handler."}}
    assert put["summary"] == "Answer anything."


def test_a_typed_handler_that_asks_for_the_request_may_read_any_body() -> None:
    async def handler(request: Request, id: int) -> None: ...

    assert "requestBody" in described(handler, "POST /x/{id}")
    assert "requestBody" not in described(get, "POST /x/{id}")


def test_bodies_may_be_bytes_forms_and_files() -> None:
    async def raw(data: Annotated[bytes, Body()]) -> None: ...
    async def form(name: Annotated[str, Form()], age: Annotated[int | None, Form()] = None): ...
    async def whole(body: Annotated[NewTask, Form()]) -> None: ...
    async def upload(photo: Annotated[Any, File()], note: Annotated[str, Form()] = "") -> None: ...

    kinds = [
        described(each, "POST /x")["requestBody"]["content"] for each in (raw, form, whole, upload)
    ]

    assert [[*each] for each in kinds] == [
        ["application/octet-stream"],
        ["application/x-www-form-urlencoded", "multipart/form-data"],
        ["application/x-www-form-urlencoded", "multipart/form-data"],
        ["multipart/form-data"],
    ]
    assert kinds[1]["multipart/form-data"]["schema"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    }
    assert kinds[2]["multipart/form-data"]["schema"] == {"$ref": "#/components/schemas/NewTask"}
    assert kinds[3]["multipart/form-data"]["schema"]["properties"]["photo"] == {
        "type": "string",
        "contentMediaType": "application/octet-stream",
    }


def test_what_stands_before_a_handler_adds_its_statuses() -> None:
    def refuse(request: Any) -> None:
        raise http.Error(403)

    bearer = {"type": "http", "scheme": "bearer"}
    login = SimpleNamespace(id=EntryId("app", "login"), security=bearer, function=refuse)
    plain = SimpleNamespace(id=EntryId("app", "plain"), security=None)
    limited = Group(middleware={"ratelimit": lambda app: app})
    route = operation(get, "GET /x/{id}", has_timeout=True, group=limited, guards=(login, plain))
    document = document_of(route)
    found = document["paths"]["/x/{id}"]["get"]

    assert [*found["responses"]] == ["200", "401", "403", "404", "422", "429", "504", "default"]
    assert found["security"] == [{"login": []}]
    assert document["components"]["securitySchemes"] == {"login": bearer}
    validate(document)


def test_what_a_guard_reads_is_a_parameter_too() -> None:
    async def tenant(x_tenant: Annotated[str, Header()], id: UUID, limit: int = 5) -> None: ...

    async def handler(id: str, limit: int) -> None: ...

    signature = operation(tenant, "GET /x/{id}").signature
    guard = SimpleNamespace(id=EntryId("app", "tenant"), security=None, signature=signature)
    found = described(handler, "GET /x/{id}", guards=(guard,))

    assert found["parameters"] == [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        },
        {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer"}},
        {"name": "x-tenant", "in": "header", "required": True, "schema": {"type": "string"}},
    ]


def test_two_guards_of_one_name_have_their_own_schemes() -> None:
    guards = [
        SimpleNamespace(id=EntryId(namespace, "key"), security={"type": "http", "scheme": scheme})
        for namespace, scheme in (("a", "basic"), ("b", "bearer"))
    ]
    document = document_of(operation(untyped, guards=tuple(guards)))

    assert {*document["components"]["securitySchemes"]} == {"key", "b.key"}
    assert document["paths"]["/x"]["get"]["security"] == [{"key": [], "b.key": []}]


def test_paths_that_differ_in_the_names_of_their_parameters_are_one() -> None:
    document = document_of(
        operation(get, "GET /tasks/{id}", name="app:get"),
        operation(delete, "DELETE /tasks/{task}", name="app:delete"),
        operation(untyped, "GET /files/{rest...}", name="app:files"),
        operation(untyped, "GET /files/{rest}", name="app:file"),
    )
    paths = document["paths"]

    assert [*paths] == ["/tasks/{id}", "/files/{rest}", "/files/{rest_}"]
    assert paths["/tasks/{id}"]["delete"]["parameters"][0]["name"] == "id"
    assert paths["/tasks/{id}"]["delete"]["parameters"][0]["schema"]["format"] == "uuid"
    assert paths["/files/{rest}"]["get"]["parameters"][0]["x-rest"] is True
    validate(document)


def test_entries_of_one_name_are_told_apart_by_their_namespaces() -> None:
    document = document_of(
        operation(untyped, "GET /a", name="one:get"),
        operation(untyped, "GET /b", name="two:get"),
        operation(untyped, "GET /c", name="two:other"),
    )
    ids = [each["get"]["operationId"] for each in document["paths"].values()]

    assert ids == ["one.get", "two.get", "other"]


def test_files_and_head_are_no_operations() -> None:
    async def answer(exchange: Any) -> None: ...

    document = document_of(
        operation(untyped, "HEAD /x"), Route(method="GET", path="/files", handler=answer)
    )

    assert document["paths"] == {}
    validate(document)


def test_a_function_outside_of_the_application_has_no_place(tmp_path: Path) -> None:
    document = document_of(operation(get, "GET /x/{id}"), folder=tmp_path)

    assert "x-source" not in document["paths"]["/x/{id}"]["get"]
    assert str(Path(__file__).parent) not in str(document)


def test_a_document_of_many_operations_is_valid() -> None:
    routes = [
        operation(create, "POST /tasks", name="app:create", tags=("a", "b")),
        operation(listing, "GET /tasks", name="app:list", tags=("b",)),
        operation(get, "GET /tasks/{id}", name="app:get"),
        operation(delete, "DELETE /tasks/{task}", name="app:delete"),
        operation(untyped, "PATCH /tasks/{id}", name="app:patch"),
    ]
    info = Info(title="Shop", version="2", servers=["https://api.example.com"])
    document = describe(routes, info, Path())

    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "https://api.example.com"}]
    assert document["tags"] == [{"name": "a"}, {"name": "b"}]
    assert [*document["components"]["schemas"]].count("Problem") == 1
