"""The values of a statement, before they are queued."""

from __future__ import annotations

from collections import UserList
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest

from runtime.engines.sql import builder
from runtime.engines.sql.sqlite.parameters import bind
from tests.support.databases import database, run, serving


class Status(StrEnum):
    NEW = "new"


class Level(IntEnum):
    HIGH = 3


class Colour(Enum):
    RED = "red"
    GREEN = 2


class Odd(Enum):
    ONE = (1, 2)


@dataclass
class Point:
    x: int


class Pair(msgspec.Struct):
    x: int


class Stamp(datetime):
    """A class of somebody else's, such as pendulum's."""


EAST = timezone(timedelta(hours=5, minutes=30))
TEXTS = [
    (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=EAST), "2026-01-02T03:04:05+05:30"),
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (date(2026, 1, 2), "2026-01-02"),
    (time(3, 4, 5), "03:04:05"),
    (time(3, 4, 5, tzinfo=UTC), "03:04:05Z"),
    (UUID(int=10), "00000000-0000-0000-0000-00000000000a"),
    (Decimal("1.10"), "1.10"),
    (Decimal("-0.00"), "-0.00"),
    (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    (Colour.RED, "red"),
    (Colour.GREEN, 2),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_what_json_says_in_text_is_bound_as_that_text(value: Any, text: str | int) -> None:
    assert bind((value,)) == (text,)
    assert bind({"a": value}) == {"a": text}
    assert msgspec.json.decode(msgspec.json.encode(value)) == text


def test_a_class_derived_from_datetime_is_bound_like_it() -> None:
    assert bind((Stamp(2026, 1, 2, tzinfo=UTC),)) == ("2026-01-02T00:00:00Z",)


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ((), ()),
        ([1, "é", 1.5, b"x", None, True], (1, "é", 1.5, b"x", None, True)),
        ((2**63 - 1, -(2**63)), (2**63 - 1, -(2**63))),
        (UserList([1]), (1,)),
        ({"a": 1}, {"a": 1}),
        (MappingProxyType({"a": "é"}), {"a": "é"}),
        ((Status.NEW, Level.HIGH), ("new", 3)),
        ((float("inf"),), (float("inf"),)),
    ],
)
def test_plain_values_are_taken_as_they_are(given: Any, bound: Any) -> None:
    result = bind(given)

    assert bound == result
    values = result.values() if isinstance(result, dict) else result
    assert {type(value) for value in values} <= {str, int, float, bytes, bool, type(None)}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((1, [2]), TypeError, "parameter 2 is of type list, wanted str"),
        (({},), TypeError, "parameter 1 is of type dict"),
        ({"when": timedelta(1)}, TypeError, r"'when' is of type timedelta.*pass its total_seconds"),
        (
            (Point(1),),
            TypeError,
            "parameter 1 is of type Point.*pass its fields one by one",
        ),
        ((Pair(1),), TypeError, "parameter 1 is of type Pair.*; pass its fields one by"),
        ((1, {"a": 1}), TypeError, r"parameter 2 is of type dict.*pass sql.json"),
        ((Odd.ONE,), TypeError, "parameter 1 is an Enum whose value is neither str nor int"),
        ((Decimal("NaN"),), ValueError, "parameter 1 is a Decimal that is no number"),
        ((Decimal("-Infinity"),), ValueError, "parameter 1 is a Decimal that is no number"),
        (
            (object(),),
            TypeError,
            "parameter 1 is of type object, wanted str, bytes, int, ",
        ),
        ((2**63,), ValueError, "parameter 1 is an integer beyond 64 bits"),
        ((-(2**63) - 1,), ValueError, "parameter 1 is an integer beyond 64 bits"),
        (("ok", "\ud800"), ValueError, "parameter 2 has a lone surrogate"),
        ((float("nan"),), ValueError, "parameter 1 is NaN"),
        ("abc", TypeError, "the parameters are of type str, wanted a sequence or a mapping"),
        (b"abc", TypeError, "the parameters are of type bytes"),
        ({1, 2}, TypeError, "the parameters are of type set"),
        (5, TypeError, "the parameters are of type int"),
        (None, TypeError, "the parameters are of type NoneType"),
        ({1: 2}, TypeError, "a parameter's name is of type int, wanted str"),
        ((bytearray(b"x"),), TypeError, "parameter 1 is of type bytearray"),
    ],
)
def test_what_sqlite_cannot_hold_is_refused_with_its_place(
    given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        bind(given)


def test_a_list_changed_later_does_not_change_what_was_bound() -> None:
    values = [1, 2]
    bound = bind(values)
    values.append(3)

    assert bound == (1, 2)


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_they_come_back_from_a_text_column_as_that_text(value: Any, text: str | int) -> None:
    async def main() -> None:
        async with serving(database()) as db:
            await db.execute("CREATE TABLE t (value ANY) STRICT")
            await builder.insert("t").set({"value": value}).run_with(db).execute()
            for condition in ({"value": value}, {"value": [value]}, builder.gte("value", value)):
                query = builder.select("value").from_("t").where(condition)
                assert await query.run_with(db).query() == [{"value": text}]

    run(main())
