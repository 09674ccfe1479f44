"""The codec: JSON that never changes a value."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import pytest

from runtime.codec import InvalidJSON, NotJSON, decode, decode_trusted, encode, encode_response


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1, 2**70, 1.5, -0.0, 1e22, "", "é\u2028\x00", [], {}, {"a": [1, {"b": None}]}],
)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert decode_trusted(encode(value)) == value
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "body is nan"),
        ({"a": [math.inf]}, "body.a[0] is inf"),
        ({1: 2}, "body has the key 1, which is not a string"),
        ({"a": [1, (2,)]}, "body.a[1] is a tuple"),
        ({"when": datetime.datetime.now(tz=datetime.UTC)}, "body.when is of type datetime"),
        ({"price": Decimal("1.5")}, "body.price is of type Decimal"),
        ({"a": {1, 2}}, "body.a is of type set"),
        ({"a": b"x"}, "body.a is of type bytes"),
        ("\ud800", "body has a lone surrogate"),
        (nested(102), "is nested deeper than 100"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(value: Any, said: str) -> None:
    with pytest.raises(NotJSON) as caught:
        encode(value)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{bad", b"[1,]", b"{'a':1}", b"NaN", b"Infinity", b"01", b"1.", b"+1",
        b'"\\ud800"',
        b"\xff", b'"\xff"', b'{"a":1} x', b"\xef\xbb\xbf1", b"1" * 5000, b"1e999", b"nul", b'"',
        b"[" * 101 + b"]" * 101, b"\x1f\x8b\x08\x00", b"{" * 150, b'{"a"}', b"/* */ 1",
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidJSON):
        decode(data)


def test_the_deepest_allowed_document_is_read() -> None:
    assert decode(b"[" * 100 + b"]" * 100) == nested(100)


def test_answers_may_hold_times_and_decimals_but_no_number_that_is_none() -> None:
    assert encode_response({"price": Decimal("1.50"), "day": datetime.date(2026, 1, 2)}) == (
        b'{"price":"1.50","day":"2026-01-02"}'
    )
    assert encode_response({"a": None}) == b'{"a":null}'
    with pytest.raises(NotJSON, match=r"the response\.rates\[1\] is nan"):
        encode_response({"a": None, "rates": [1.0, math.nan]})
