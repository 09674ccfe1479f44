"""Marks of other frameworks, which nobody would heed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from annotated_types import Ge
from fastapi import Depends, Query, Security

from runtime.handlers.arguments.document import document
from runtime.handlers.arguments.origin import read
from runtime.handlers.arguments.signature import Caller
from runtime.service import StartError


def user() -> str:
    return "ada"


class Priced(msgspec.Struct):
    price: Annotated[float, pydantic.Field(gt=0)]


class Defaulted(msgspec.Struct):
    price: float = pydantic.Field(gt=0)


@dataclass
class Bounded:
    amount: Annotated[int, Ge(1)] = 1


class Model(pydantic.BaseModel):
    price: Annotated[float, pydantic.Field(gt=0)]


def refusal(function: Callable[..., Any]) -> str:
    by = Caller(
        name="POST /tasks",
        namespace="app",
        locations=frozenset({"path", "query", "header", "cookie", "body", "form"}),
        path=(),
        given={},
    )
    with pytest.raises(StartError) as caught:
        read(function, by)
    assert "test_foreign.py:" in str(caught.value)
    return str(caught.value)


def test_a_dependency_is_not_taken_from_the_query() -> None:
    async def annotated(user: Annotated[str, Depends(user)]) -> None: ...
    async def default(user: str = Depends(user)) -> None: ...
    async def optional(user: Annotated[str, Security(user)] | None = None) -> None: ...

    mend = "let a guard leave it in 'request.state', and write Annotated[…, http.State()]"
    for function, name in ((annotated, "Depends"), (default, "Depends"), (optional, "Security")):
        assert f"the parameter 'user' has fastapi's '{name}'" in refusal(function)
        assert refusal(function).endswith(mend)


def test_a_bound_that_nobody_would_check_is_refused() -> None:
    async def query(text: Annotated[str, Query(max_length=3)] = "") -> None: ...
    async def bare(text: Annotated[str, Query] = "") -> None: ...
    async def field(limit: Annotated[int, pydantic.Field(ge=1)] = 1) -> None: ...
    async def item(limits: list[Annotated[int, Ge(1)]] = []) -> None: ...  # noqa: B006
    async def alias(limit: pydantic.PositiveInt = 1) -> None: ...

    assert "write Annotated[…, http.Query()], and its bounds as msgspec.Meta" in refusal(query)
    assert "has fastapi's 'Query'" in refusal(bare)
    assert "has pydantic's 'FieldInfo'" in refusal(field)
    assert "write Annotated[…, msgspec.Meta(…)]" in refusal(item)
    assert "has annotated_types's 'Gt'" in refusal(alias)


@pytest.mark.parametrize(
    ("type_", "problem"),
    [
        (Priced, "the field 'price' of 'Priced' has pydantic's 'FieldInfo'"),
        (Defaulted, "the field 'price' of 'Defaulted' has pydantic's 'FieldInfo'"),
        (list[Bounded], "the field 'amount' of 'Bounded' has annotated_types's 'Ge'"),
    ],
)
def test_the_fields_of_records_are_looked_at(type_: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        document(type_)


def test_a_model_of_pydantic_has_its_own_bounds() -> None:
    async def one(item: Annotated[Model, pydantic.Field(description="what to buy")]) -> None: ...

    read(one, Caller(name="", namespace="", locations=frozenset({"body"}), path=(), given={}))
    with pytest.raises(Exception, match="greater than 0"):
        document(Model).decode(b'{"price": 0}')
