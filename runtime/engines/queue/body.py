"""Body: the JSON of a message that holds more than JSON's own types.

Exact is what can be told from its text again: `msgspec.convert(text, type)` gives an equal value.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from runtime.codec import MAX_DEPTH, NotJSON, decode_trusted, encode, is_model

_encode = msgspec.json.Encoder().encode


class InvalidBody(ValueError):
    """A body has not the shape that the consumer of its queue asks for; the text has the places."""


def encode_records(value: Any, name: str = "body") -> bytes:
    """Encode a value that `codec.encode` refused, with times, UUIDs and decimals as text, an Enum
    as its value, a dataclass or Struct as an object of its fields, and a model of pydantic as it
    dumps itself.

    Raises NotJSON, with the place, which begins with `name`, for what would not be exact.
    """
    return encode(_plain(value, name, 0), name)


def _plain(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value  # `encode` refuses it
    match value:
        case Enum():
            return _plain(value.value, path, depth)
        case date() | time() | timedelta() | UUID() | Decimal():
            return _text(value, path)
        case dict():
            return {key: _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, f"{path}[{n}]", depth + 1) for n, item in enumerate(value)]
        case _ if is_model(value) and not isinstance(value, type):
            return decode_trusted(value.model_dump_json().encode())
        case _ if (names := _fields(value)) is not None:
            for name in names:
                item = getattr(value, name)
                encode(_plain(item, f"{path}.{name}", depth + 1), f"{path}.{name}")
            return decode_trusted(_encode(value))
        case _:
            return value


def _fields(value: Any) -> list[str] | None:
    """The names of a record's fields; None for what is no record."""
    if isinstance(value, type):
        return None
    if isinstance(value, msgspec.Struct):
        return list(value.__struct_fields__)
    if hasattr(value, "__dataclass_fields__"):
        from dataclasses import fields  # it was imported by whoever made the class

        return [field.name for field in fields(value)]
    return None


def _text(value: date | time | timedelta | UUID | Decimal, path: str) -> str:
    name = type(value).__name__
    if isinstance(value, Decimal) and not value.is_finite():
        raise NotJSON(f"{path} is {value}, which JSON cannot represent")
    try:
        text: str = decode_trusted(_encode(value))
        again = msgspec.convert(text, type(value))
    except (TypeError, ValueError, msgspec.MsgspecError):
        raise NotJSON(f"{path} is of type {name}, which JSON cannot represent") from None
    if not _is_same(value, again):
        raise NotJSON(f"{path} is {value!r}, which as text would be {text!r}")
    return text


def _is_same(value: Any, again: Any) -> bool:
    if isinstance(value, datetime | time):
        # Those of two time zones are never equal where a clock is set back.
        plain = value.replace(tzinfo=None, fold=0), value.utcoffset()
        return plain == (again.replace(tzinfo=None, fold=0), again.utcoffset())
    return bool(value == again)
