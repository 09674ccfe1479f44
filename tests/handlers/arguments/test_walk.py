"""The faults of a value: all of them, in words, with pointers, and without the value."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pytest
from msgspec import Meta
from msgspec import inspect as kinds

from runtime.handlers.arguments.walk import find_faults


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True, rename="camel"):
    full_name: str


class Pair(NamedTuple):
    left: int
    right: str = ""


class Listed(msgspec.Struct, array_like=True):
    a: int
    b: str


class Row(TypedDict):
    a: int
    b: NotRequired[str]


def faults(value: Any, annotation: Any, *, strict: bool = True) -> list[tuple[str, str]]:
    found = find_faults(value, kinds.type_info(annotation), strict=strict)
    return [(fault.pointer, fault.detail) for fault in found]


@pytest.mark.parametrize(
    ("value", "annotation", "detail"),
    [
        ("x", int, "must be an integer"),
        (1.5, int, "must be an integer"),
        (True, int, "must be an integer"),
        ("x", float, "must be a number"),
        (1, str, "must be a string"),
        (1, bool, "must be true or false"),
        (1, None, "must be null"),
        ("x", int | None, "must be an integer or null"),
        ([], int | str, "must be an integer or a string"),
        (0, Annotated[int, Meta(ge=1)], "must be at least 1"),
        (9, Annotated[int, Meta(lt=9)], "must be less than 9"),
        (9, Annotated[int, Meta(le=8)], "must be at most 8"),
        (0, Annotated[float, Meta(gt=0)], "must be more than 0"),
        (7, Annotated[int, Meta(multiple_of=5)], "must be a multiple of 5"),
        ("", Annotated[str, Meta(min_length=1)], "must have at least 1 character"),
        ("abc", Annotated[str, Meta(max_length=2)], "must have at most 2 characters"),
        ("A", Annotated[str, Meta(pattern="^[a-z]$")], "must match the pattern '^[a-z]$'"),
        ([1], Annotated[list[int], Meta(min_length=2)], "must have at least 2 items"),
        ({}, Annotated[dict[str, int], Meta(min_length=1)], "must have at least 1 field"),
        ([1], tuple[int, int], "must have 2 items"),
        ("x", Literal["a", "b"], "must be one of 'a', 'b'"),
        ("x", Literal["a"], "must be 'a'"),
        ("x", Colour, "must be one of 'red', 'blue'"),
        ("x", Decimal, "must be a decimal number"),
        (
            "2026-01-31T12:00:00",
            Annotated[datetime, Meta(tz=True)],
            "must be a date and time, such as '2026-01-31T12:00:00Z', with a time zone",
        ),
        (1, list[int], "must be a list"),
        (1, dict[str, int], "must be an object"),
        (1, Cat, "must be an object"),
        (1, Cat | Dog | None, "must be an object or null"),
    ],
)
def test_the_detail_says_what_the_value_must_be(value: Any, annotation: Any, detail: str) -> None:
    assert faults(value, annotation) == [("#", detail)]


def test_the_member_of_a_union_that_is_meant_is_looked_at() -> None:
    assert faults({"type": "Cat", "lives": "x"}, Cat | Dog) == [("#/lives", "must be an integer")]
    assert faults({"type": "Dog"}, Cat | Dog) == [("#/fullName", "is missing")]
    assert faults({"type": "Cow"}, Cat | Dog) == [("#/type", "must be one of 'Cat', 'Dog'")]
    assert faults({}, Cat | Dog) == [("#/type", "is missing")]
    assert faults({"lives": "x"}, Cat | None) == [("#/lives", "must be an integer")]
    assert faults({"type": "Dog", "lives": 1}, Cat) == [("#/type", "must be 'Cat'")]


def test_records_that_are_lists_are_looked_at_by_position() -> None:
    assert faults(["x"], Pair) == [("#/0", "must be an integer")]
    assert faults(["x"], Listed) == [("#/0", "must be an integer"), ("#/1", "is missing")]
    assert faults({}, Listed) == [("#", "must be a list")]


def test_a_typed_dict_may_lack_what_is_not_required() -> None:
    assert faults({"b": 1}, Row) == [("#/a", "is missing"), ("#/b", "must be a string")]


def test_names_are_escaped_as_a_json_pointer_has_them() -> None:
    assert faults({"a/b~c": "x", "": "y"}, dict[str, int]) == [
        ("#/a~1b~0c", "must be an integer"),
        ("#/", "must be an integer"),
    ]


def test_the_names_in_an_object_may_be_of_a_type() -> None:
    assert faults({"1": 1, "x": 2}, dict[int, int]) == [("#/x", "its name must be an integer")]


def test_text_stands_for_numbers_only_outside_of_bodies() -> None:
    assert faults("x", int | None, strict=False) == [("#", "must be an integer")]
    assert faults(["1", "x"], list[int], strict=False) == [("#/1", "must be an integer")]
    assert faults("0", Annotated[int, Meta(ge=1)], strict=False) == [("#", "must be at least 1")]
