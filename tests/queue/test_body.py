"""Bodies that hold more than JSON's own types."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from runtime.codec import NotJSON
from runtime.engines.queue.body import encode_records
from tests.support.consuming import a_queue, run

ID = UUID("12345678-1234-5678-1234-567812345678")
PRAGUE = ZoneInfo("Europe/Prague")


class Colour(Enum):
    RED = "red"
    PAIR = (1, 2)


class Size(IntEnum):
    LARGE = 3


class Word(StrEnum):
    YES = "yes"


class Point(msgspec.Struct, rename="camel"):
    first_x: int
    when: Any = None


@dataclass
class Order:
    id: UUID
    total: Decimal
    lines: list[Point]


class Subclass(datetime):
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006"),
        (datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=PRAGUE), "2024-10-27T02:30:00+01:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2, 3), "01:02:03"),
        (timedelta(days=1, seconds=2), "P1DT2S"),
        (ID, "12345678-1234-5678-1234-567812345678"),
        (Decimal("1.50"), "1.50"),
        (Decimal("-0"), "-0"),
        (Colour.RED, "red"),
        (Size.LARGE, 3),
        (Word.YES, "yes"),
        ({Word.YES: date(2026, 1, 2)}, {"yes": "2026-01-02"}),
        (Point(1), {"firstX": 1, "when": None}),
        ([{"at": Point(1, date(2026, 1, 2))}], [{"at": {"firstX": 1, "when": "2026-01-02"}}]),
        (
            Order(ID, Decimal("1.50"), [Point(1)]),
            {"id": str(ID), "total": "1.50", "lines": [{"firstX": 1, "when": None}]},
        ),
    ],
)
def test_what_can_be_told_from_its_text_is_published_as_that(value: Any, text: Any) -> None:
    async def test() -> None:
        queue = a_queue()
        await queue.publish(value)
        await queue.publish({"in": [value]})
        subscription = queue.driver_queue.subscribe(1)
        alone, inside = await subscription.receive(), await subscription.receive()

        assert json.loads(alone.body) == text
        assert json.loads(inside.body) == {"in": [text]}

    run(test)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [date(2026, 1, 2), (1, 2)]}, r"body\.a\[1\] is a tuple"),
        ({"a": {date(2026, 1, 2)}}, r"body\.a is of type set"),
        ([date(2026, 1, 2), b"x"], r"body\[1\] is of type bytes"),
        ([date(2026, 1, 2), math.nan], r"body\[1\] is nan"),
        ({date(2026, 1, 2): 1}, r"body has the key datetime\.date\(2026, 1, 2\)"),
        ({ID: 1}, "body has the key UUID"),
        (Decimal("NaN"), "body is NaN"),
        (Decimal("sNaN"), "body is sNaN"),
        (Decimal("Infinity"), "body is Infinity"),
        ({"x": Colour.PAIR}, r"body\.x is a tuple"),
        (Point(1, (1, 2)), r"body\.when is a tuple"),
        (Point(1, {"a": {1}}), r"body\.when\.a is of type set"),
        (Order(ID, Decimal(1), [Point(1, math.inf)]), r"body\.lines\[0\]\.when is inf"),
        (Subclass(2026, 1, 2), "body is of type Subclass, which JSON cannot represent"),
        (
            datetime(1880, 1, 1, tzinfo=timezone(timedelta(minutes=57, seconds=44))),
            "which as text would be '1880-01-01T00:00:00",
        ),
        (Point, "body is of type StructMeta"),
        (object(), "body is of type object"),
    ],
)
def test_what_would_change_is_refused_with_its_place(value: Any, said: str) -> None:
    async def test() -> None:
        queue = a_queue()
        with pytest.raises(NotJSON, match=said):
            await queue.publish(value)

    run(test)


def test_a_value_within_itself_is_refused() -> None:
    circle: list[Any] = [date(2026, 1, 2)]
    circle.append(circle)
    point = Point(1)
    point.when = point
    for value in (circle, point, {"a": point}):
        with pytest.raises(NotJSON):
            encode_records(value)
