"""Responses in a document, by the annotation of the result."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NewType

import msgspec
import pytest
from openapi_spec_validator import validate
from starlette.responses import Response

from tests.support.operations import described, document_of, operation


class Task(msgspec.Struct):
    action: str


def returning(annotation: Any) -> Any:
    async def handler(): ...

    handler.__annotations__["return"] = annotation
    return handler


@pytest.mark.parametrize(
    ("annotation", "statuses", "media"),
    [
        (None, ["204", "default"], []),
        (Task, ["200", "default"], ["application/json"]),
        (Task | None, ["200", "204", "default"], ["application/json"]),
        (str, ["200", "default"], ["text/plain"]),
        (bytes, ["200", "default"], ["application/octet-stream"]),
        (Task | str, ["200", "default"], ["text/plain", "application/json"]),
        (Response, ["default"], []),
        (Any, ["default"], []),
        (Task | Response, ["200", "default"], ["application/json"]),
        (Annotated[str, "a text"] | None, ["200", "204", "default"], ["text/plain"]),
        (NewType("Name", str), ["200", "default"], ["text/plain"]),
        (Literal["a", "b"], ["200", "default"], ["text/plain"]),
        (Annotated[Task, "a task"], ["200", "default"], ["application/json"]),
    ],
    ids=str,
)
def test_the_annotation_of_the_result_decides_the_responses(
    annotation: Any, statuses: list[str], media: list[str]
) -> None:
    responses = described(returning(annotation))["responses"]

    assert [*responses] == statuses
    assert [*responses.get("200", {}).get("content", {})] == media


def test_a_struct_of_the_application_that_is_called_problem_keeps_its_name() -> None:
    class Problem(msgspec.Struct):
        mine: int

    document = document_of(operation(returning(Problem)))
    schemas = document["components"]["schemas"]

    assert {*schemas} >= {"Problem"}
    assert "mine" in schemas["Problem"]["properties"]
    assert any("status" in each.get("properties", {}) for each in schemas.values())
    validate(document)
