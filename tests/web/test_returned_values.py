"""Values of Python that a handler returns, and what is no value."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import msgspec
import pytest

from runtime.engines.web.problem import HTTPError
from tests.web.test_responses import answer_of, returning


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    YES = "yes"


class Level(IntEnum):
    HIGH = 3


class Point(msgspec.Struct):
    x: int
    tags: set[str]


@dataclass
class Pair:
    left: Any
    right: Decimal


@pytest.mark.parametrize(
    "value",
    [
        Point(1, {"a"}),
        Pair(Point(2, set()), Decimal("1.50")),
        datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        date(2026, 1, 2),
        uuid.UUID(int=7),
        Decimal("0.10"),
        Colour.RED,
        Word.YES,
        Level.HIGH,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_the_same_alone_as_inside_of_another(value: Any) -> None:
    alone, inside = answer_of(returning(value)), answer_of(returning([value]))

    assert alone["content-type"] == "application/json"
    assert [alone.json()] == inside.json()


@pytest.mark.parametrize("error", [HTTPError(409, "no"), ValueError("oops")])
def test_an_exception_that_is_returned_counts_as_raised(error: Exception) -> None:
    answer = answer_of(returning(error))

    assert answer.status == (409 if isinstance(error, HTTPError) else 500)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"at": datetime.now(UTC), "bad": [1, object()]}, "the response.bad[1] is of type object"),
        ({"a": Pair(float("nan"), Decimal(1))}, "the response.a.left is nan"),
        (Point(1, {object()}), "the response is a Point that JSON cannot represent"),  # type: ignore[arg-type]
    ],
)
def test_the_place_that_json_cannot_represent_is_told(
    value: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert answer_of(returning(value)).status == 500
    assert told in caplog.records[0].getMessage()
