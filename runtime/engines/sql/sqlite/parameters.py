"""Parameters: the values of a statement, checked before it is queued.

Checked here and not by `sqlite3`: the caller gets the error at once, with the name of the
parameter; and CPython reports a value that it cannot bind as the error of an earlier failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isnan
from typing import Any
from uuid import UUID

import msgspec

from runtime.engines.sql.contract import Json, Parameters

BoundParameters = tuple[Any, ...] | dict[str, Any]
"""Values that `sqlite3` binds as they are."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_PLAIN = frozenset({bytes, bool, type(None)})
_WANTED = (
    "str, bytes, int, float, bool, None, datetime, date, time, UUID, Decimal, Enum or sql.json(…)"
)


def bind(parameters: Parameters) -> BoundParameters:
    """Copy and check the parameters of a statement; dates, UUIDs and the like become their text.

    Raises TypeError for a container or a value of a wrong type, ValueError for a value that SQLite
    cannot store; both name the parameter, never its value.
    """
    kind = type(parameters)
    if kind is tuple or kind is list:
        return tuple(parameters) if _all_plain(parameters) else _check_each(parameters)
    if isinstance(parameters, Mapping):
        return {_name(name): _check(value, name) for name, value in parameters.items()}
    if isinstance(parameters, Sequence) and not isinstance(parameters, str | bytes | bytearray):
        return bind(tuple(parameters))
    raise TypeError(
        f"the parameters are of type {kind.__name__}, wanted a sequence or a mapping; "
        "write a single one as (value,)"
    )


def _all_plain(values: Iterable[Any]) -> bool:
    """True if all values may be bound as they are; False means to check each. On the hot path."""
    for value in values:
        kind = type(value)
        if kind is str:
            if value.isascii():
                continue
        elif kind is int:
            if _LEAST <= value <= _MOST:
                continue
        elif kind in _PLAIN:
            continue
        return False
    return True


def _check_each(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_check(value, index) for index, value in enumerate(values, 1))


def _name(name: object) -> str:
    if isinstance(name, str):
        return name
    raise TypeError(f"a parameter's name is of type {type(name).__name__}, wanted str")


def _check(value: Any, place: int | str) -> Any:
    if isinstance(value, Enum):
        if isinstance(value.value, str | int):
            return _check(value.value, place)
        raise TypeError(f"{_where(place)} is an Enum whose value is neither str nor int")
    match value:
        case None | bool():
            return value
        case str():
            return _text(str.__str__(value), place)
        case int():
            number = int.__int__(value)
            if _LEAST <= number <= _MOST:
                return number
            raise ValueError(f"{_where(place)} is an integer beyond 64 bits; pass it as text")
        case float():
            if isnan(value):
                raise ValueError(f"{_where(place)} is NaN, which SQLite would keep as NULL")
            return float.__float__(value)
        case bytes():
            return bytes(value)
        case datetime() | time():
            return _iso(value)
        case date():
            return date.isoformat(value)
        case UUID():
            return str(value)
        case Decimal():
            if value.is_finite():
                return str(value)
            raise ValueError(f"{_where(place)} is a Decimal that is no number")
        case Json():
            return _json(value.value, place)
    kind = type(value)
    raise TypeError(f"{_where(place)} is of type {kind.__name__}, wanted {_WANTED}{_hint(kind)}")


def _json(value: Any, place: int | str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{_where(place)} is not a JSON value: {error}") from None


def _iso(value: datetime | time) -> str:
    """RFC 3339's text, as JSON bodies have it: UTC is `Z`, and a naive value has no offset."""
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _hint(kind: type[Any]) -> str:
    if issubclass(kind, timedelta):
        return "; pass its total_seconds()"
    if is_dataclass(kind) or issubclass(kind, msgspec.Struct):
        return "; pass its fields one by one, or sql.json(value)"
    if issubclass(kind, list | tuple | dict):
        return "; pass sql.json(value)"
    return ""


def _text(value: str, place: int | str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_where(place)} has a lone surrogate, which is no text") from None
    return value


def _where(place: int | str) -> str:
    return f"parameter '{place}'" if isinstance(place, str) else f"parameter {place}"
