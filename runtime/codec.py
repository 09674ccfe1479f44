"""Codec: JSON in and out, strict both ways: what cannot be said exactly is refused."""

from __future__ import annotations

import math
from typing import Any

import msgspec

MAX_DEPTH = 100
"""How deep objects and arrays may nest."""

_SHALLOW = 2 * MAX_DEPTH
"""Bytes that cannot nest deeper: each level takes two."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

decode_trusted = _decode
"""Decode what `encode` made: no limits are checked."""


class InvalidJSON(ValueError):
    """The bytes are no JSON document, or one this program refuses. The text says why."""


class NotJSON(TypeError):
    """A value that JSON cannot say. The text names the place: `body.items[2] is a datetime`."""


def decode(data: bytes) -> Any:
    """Read one JSON document. Raises InvalidJSON for anything else, however hostile."""
    try:
        value = _decode(data)
    except msgspec.DecodeError as error:
        raise InvalidJSON(str(error)) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidJSON(f"not a JSON document: {type(error).__name__}") from None
    if len(data) > _SHALLOW and _is_deep(data, value):
        raise InvalidJSON(f"nested deeper than {MAX_DEPTH}")
    return value


def encode(value: Any, name: str = "body") -> bytes:
    """Write a value that, read again, is equal to it. Raises NotJSON with the offending place."""
    try:
        data = _encode(value)
        if _decode(data) == value and (len(data) <= _SHALLOW or not _is_deep(data, value)):
            return data
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        pass  # it is told below, with the place
    raise NotJSON(_fault(value, name, 0) or f"{name} is not a JSON value")


def encode_answer(value: Any) -> bytes:
    """Write a value for a client: times, UUIDs, decimals and dataclasses become their text.

    Raises NotJSON for what has no such form, and for a number that is no number.
    """
    try:
        data = _encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise NotJSON(_fault(value, "the answer", 0) or str(error)) from None
    # The encoder writes numbers that are none as null; only then is it worth a look.
    if b"null" in data and (fault := _no_number(value, "the answer")):
        raise NotJSON(fault)
    return data


def _is_deep(data: bytes, value: Any) -> bool:
    brackets = data.count(b"[") + data.count(b"{")
    return brackets > MAX_DEPTH and _depth(value) > MAX_DEPTH


def _depth(value: Any) -> int:
    depth, layer = 0, [value]
    while layer:
        below: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        nested = any(isinstance(item, dict | list) for item in layer)
        depth += nested
        layer = below
    return depth


def _fault(value: Any, place: str, depth: int) -> str | None:
    """The first place in `value` that JSON cannot say, in words."""
    if depth > MAX_DEPTH:
        return f"{place} is nested deeper than {MAX_DEPTH}"
    match value:
        case None | bool():
            return None
        case str():
            return None if value.isascii() or _encodable(value) else f"{place} has a lone surrogate"
        case int():
            return None if type(value) is int else f"{place} is of type {type(value).__name__}"
        case float():
            return None if math.isfinite(value) else f"{place} is {value}, which JSON cannot say"
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    return f"{place} has the key {key!r}, which is no string"
                if fault := _fault(item, f"{place}.{key}", depth + 1):
                    return fault
            return None
        case list():
            for index, item in enumerate(value):
                if fault := _fault(item, f"{place}[{index}]", depth + 1):
                    return fault
            return None
        case tuple():
            return f"{place} is a tuple, which JSON would turn into a list; pass list(…)"
        case _:
            return f"{place} is of type {type(value).__name__}, which JSON cannot say"


def _no_number(value: Any, place: str) -> str | None:
    """The first number in `value` that is infinite or none."""
    match value:
        case float() if not math.isfinite(value):
            return f"{place} is {value}, which JSON cannot say"
        case dict():
            items = ((f"{place}.{key}", item) for key, item in value.items())
        case list() | tuple():
            items = ((f"{place}[{index}]", item) for index, item in enumerate(value))
        case _:
            return None
    return next((fault for name, item in items if (fault := _no_number(item, name))), None)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
