"""The values of a statement, before they are queued."""

from __future__ import annotations

import datetime
from collections import UserList
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest

from runtime.engines.sql.sqlite.parameters import bind


class Status(StrEnum):
    NEW = "new"


class Level(IntEnum):
    HIGH = 3


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
        ({"when": datetime.date(2026, 1, 1)}, TypeError, "parameter 'when' is of type date"),
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
