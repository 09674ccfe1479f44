"""Models of pydantic as arguments and results of handlers."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from tests.support.typed import Served


class Address(BaseModel):
    city: Annotated[str, Field(min_length=1)]


class User(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    age: Annotated[int, Field(ge=0)] = 0
    addresses: list[Address] = []
    rate: float | None = None

    @field_validator("name")
    @classmethod
    def is_lower(cls, name: str) -> str:
        if name != name.lower():
            raise ValueError("must be in lower case")
        return name


async def create(user: User) -> Any:
    return user


async def several(users: list[User]) -> Any:
    return {"users": users}


def test_a_model_is_decoded_and_encoded_by_itself() -> None:
    sent = {"name": "ann", "age": "3"}  # pydantic reads numbers from text, so that it does here
    got = {"name": "ann", "age": 3, "addresses": [], "rate": None}

    assert Served(create)(json=sent).json() == got
    assert Served(several)(json=[sent]).json() == {"users": [got]}


def test_its_errors_are_told_as_ours_with_pointers_and_without_values() -> None:
    served = Served(several)
    body = [{"name": "Ann"}, {"age": -1, "addresses": [{"city": ""}, 5], "more": "secret"}]
    answer = served(json=body)

    assert "secret" not in answer.text
    assert served.errors(json=body) == [
        ("body", "#/0/name", "must be in lower case"),
        ("body", "#/1/name", "is missing"),
        ("body", "#/1/age", "must be greater than or equal to 0"),
        ("body", "#/1/addresses/0/city", "must have at least 1 character"),
        ("body", "#/1/addresses/1", "must be an object"),
        ("body", "#/1/more", "unknown field"),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name": NaN}', b'{"name":"a","rate":NaN}', b"[" * 200 + b"]" * 200]
)
def test_what_is_no_json_is_400(body: bytes) -> None:
    assert Served(create)(content=body).status_code == 400


def test_a_number_that_json_cannot_represent_is_not_turned_into_null() -> None:
    async def nan(user: User) -> Any:
        return user.model_copy(update={"rate": float("nan")})

    assert Served(nan)(json={"name": "ann"}).status_code == 500


def test_pydantic_is_not_loaded_where_no_handler_asks_for_it() -> None:
    code = (
        "import sys, runtime.engines.web.arguments, runtime.modules.http;"
        "print('pydantic' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
