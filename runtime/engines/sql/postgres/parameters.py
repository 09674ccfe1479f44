"""Parameters: the values of a statement, checked before a connection is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from runtime.engines.sql.contract import Json, Parameters
from runtime.engines.sql.postgres.placeholder import Placeholders
from runtime.engines.sql.postgres.statement import check_text

_PLAIN = frozenset({int, float, bool, type(None), datetime, date, time, timedelta, UUID, Decimal})
_WANTED = (
    "str, bytes, int, float, bool, None, datetime, date, time, timedelta, UUID, Decimal, Enum, "
    "a list of these or sql.json(…)"
)
_LONGEST = (1 << 30) - 1024
"""Bytes of one message to the server, which has one for all parameters of a statement."""
_MOST = 65535
_encode = msgspec.json.Encoder().encode


def bind(placeholders: Placeholders, parameters: Parameters) -> list[Any]:
    """Copy and check the parameters of a statement, in the order of their numbers.

    Raises TypeError for a container or a value of a wrong type, ValueError for a value that
    PostgreSQL cannot store, or if there are too many or too few; all name the parameter, never its
    value.
    """
    if isinstance(parameters, Mapping):
        return _bind_names(placeholders, parameters)
    if not isinstance(parameters, Sequence) or isinstance(parameters, str | bytes | bytearray):
        raise TypeError(
            f"the parameters are of type {type(parameters).__name__}, wanted a sequence or a "
            "mapping; write a single one as (value,)"
        )
    if placeholders.names:
        name = placeholders.names[0]
        raise ValueError(f"the statement has the placeholder ':{name}'; pass a dict, or write ?")
    if placeholders.count > _MOST:
        raise ValueError(
            f"the statement has {placeholders.count} placeholders, and PostgreSQL takes {_MOST}; "
            "pass a list, and write = ANY(?)"
        )
    if len(parameters) != placeholders.count:
        hint = "; the operator ? of JSON is written ??" if placeholders.count else ""
        raise ValueError(
            f"the statement has {placeholders.count} placeholders, and there are "
            f"{len(parameters)} values{hint}"
        )
    return [
        value if type(value) in _PLAIN else _check(value, index)
        for index, value in enumerate(parameters, 1)
    ]


def _bind_names(placeholders: Placeholders, parameters: Mapping[str, Any]) -> list[Any]:
    if placeholders.count:
        raise ValueError(
            "the statement has ? and its parameters are a mapping; pass a sequence, or write :name"
        )
    for name in parameters:
        if not isinstance(name, str):
            raise TypeError(f"a parameter's name is of type {type(name).__name__}, wanted str")
    try:
        return [_check(parameters[name], name) for name in placeholders.names]
    except KeyError as error:
        raise ValueError(f"no value for the placeholder ':{error.args[0]}'") from None


def _check(value: Any, place: int | str) -> Any:
    if isinstance(value, Enum):
        if isinstance(value.value, str | int):
            return _check(value.value, place)
        raise TypeError(f"{_where(place)} is an Enum whose value is neither str nor int")
    match value:
        case str():
            text = str.__str__(value)
            check_text(text, _where(place))
            _check_size(text, place)
            return text
        case None | bool() | int() | float() | Decimal() | UUID() | date() | time() | timedelta():
            return value
        case bytes():
            _check_size(value, place)
            return bytes(value)
        case list() | tuple():
            return _check_list(value, place)
        case Json():
            return Jsonb(value.value, dumps=lambda inner: _json(inner, place))
    kind = type(value)
    raise TypeError(f"{_where(place)} is of type {kind.__name__}, wanted {_WANTED}{_hint(kind)}")


def _check_size(value: str | bytes, place: int | str) -> None:
    if len(value) >= _LONGEST:  # the server would end the connection
        raise ValueError(f"{_where(place)} is longer than PostgreSQL takes, which is below 1 GiB")


def _check_list(values: Iterable[Any], place: int | str) -> list[Any]:
    return [
        value if type(value) in _PLAIN else _check(value, f"{place}[{index}]")
        for index, value in enumerate(values)
    ]


def _json(value: Any, place: int | str) -> bytes:
    try:
        data = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{_where(place)} is not a JSON value: {error}") from None
    if rb"\u0000" in data:
        raise ValueError(f"{_where(place)} has a NUL in it, which jsonb cannot keep")
    return data


def _hint(kind: type[Any]) -> str:
    if issubclass(kind, dict):
        return "; pass sql.json(value)"
    if is_dataclass(kind) or issubclass(kind, msgspec.Struct):
        return "; pass its fields one by one, or sql.json(value)"
    return ""


def _where(place: int | str) -> str:
    return f"parameter '{place}'" if isinstance(place, str) else f"parameter {place}"
