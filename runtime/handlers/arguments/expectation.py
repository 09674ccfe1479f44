"""Expectation: says in a user's words what a single value of a type has to be."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import msgspec
from msgspec import inspect as kinds

_WORDS: dict[type[kinds.Type], str] = {
    kinds.NoneType: "null",
    kinds.BoolType: "true or false",
    kinds.IntType: "an integer",
    kinds.FloatType: "a number",
    kinds.StrType: "a string",
    kinds.BytesType: "base64 text",
    kinds.ByteArrayType: "base64 text",
    kinds.MemoryViewType: "base64 text",
    kinds.DateTimeType: "a date and time, such as '2026-01-31T12:00:00Z'",
    kinds.DateType: "a date, such as '2026-01-31'",
    kinds.TimeType: "a time, such as '12:00:00'",
    kinds.TimeDeltaType: "a duration, such as 'PT1H30M'",
    kinds.UUIDType: "a UUID",
    kinds.DecimalType: "a decimal number",
    kinds.ListType: "a list",
    kinds.SetType: "a list",
    kinds.FrozenSetType: "a list",
    kinds.VarTupleType: "a list",
    kinds.CollectionType: "a list",
    kinds.TupleType: "a list",
    kinds.NamedTupleType: "a list",
    kinds.DictType: "an object",
    kinds.TypedDictType: "an object",
    kinds.DataclassType: "an object",
    kinds.StructType: "an object",
}
_TYPES: dict[type[kinds.Type], Any] = {
    kinds.NoneType: None,
    kinds.BoolType: bool,
    kinds.IntType: int,
    kinds.FloatType: float,
    kinds.StrType: str,
    kinds.BytesType: bytes,
    kinds.ByteArrayType: bytearray,
    kinds.MemoryViewType: bytes,
}

_OTHERS: dict[type[kinds.Type], Any] = {
    kinds.DateType: date,
    kinds.TimeDeltaType: timedelta,
    kinds.UUIDType: UUID,
    kinds.DecimalType: Decimal,
}


def expected(kind: kinds.Type) -> str:
    """`an integer`, `one of 'a', 'b'`, `a string or null`."""
    match kind:
        case kinds.Metadata(type=inner):
            return expected(inner)
        case kinds.LiteralType(values=values):
            return _choice(values)
        case kinds.EnumType(cls=cls):
            return _choice([member.value for member in cls])
        case kinds.UnionType(types=types):
            words = dict.fromkeys(expected(each) for each in types)
            return " or ".join(sorted(words, key=lambda word: word == "null"))
        case _:
            return _WORDS.get(type(kind), "another value")


def detail(value: Any, kind: kinds.Type, *, strict: bool) -> str | None:
    """The fault of a single value, `must be at least 1`; None if it fits.

    Without `strict`, numbers and the like may be given as text.
    """
    if _fits(value, _annotation(kind), strict):
        return None
    plain = _TYPES.get(type(kind))
    if plain is not None:
        try:
            value = msgspec.convert(value, plain, strict=strict)
        except (msgspec.ValidationError, ValueError):
            return f"must be {expected(kind)}"
        if bound := _broken_bound(value, kind):
            return f"must {bound}"
    if isinstance(kind, kinds.DateTimeType | kinds.TimeType) and kind.tz is not None:
        return f"must be {expected(kind)}, with{'' if kind.tz else 'out'} a time zone"
    return f"must be {expected(kind)}"


def broken_length(size: int, kind: Any, one: str, many: str) -> str | None:
    """The bound that a length breaks: `must have at least 2 items`."""
    if kind.min_length is not None and size < kind.min_length:
        return f"must have at least {kind.min_length} {one if kind.min_length == 1 else many}"
    if kind.max_length is not None and size > kind.max_length:
        return f"must have at most {kind.max_length} {one if kind.max_length == 1 else many}"
    return None


def _broken_bound(value: Any, kind: kinds.Type) -> str | None:
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        if kind.ge is not None and not value >= kind.ge:
            return f"be at least {kind.ge}"
        if kind.gt is not None and not value > kind.gt:
            return f"be more than {kind.gt}"
        if kind.le is not None and not value <= kind.le:
            return f"be at most {kind.le}"
        if kind.lt is not None and not value < kind.lt:
            return f"be less than {kind.lt}"
        return f"be a multiple of {kind.multiple_of}" if kind.multiple_of is not None else None
    if isinstance(kind, kinds.StrType):
        if fault := broken_length(len(value), kind, "character", "characters"):
            return fault.removeprefix("must ")
        return f"match the pattern {kind.pattern!r}" if kind.pattern is not None else None
    if isinstance(kind, kinds.BytesType | kinds.ByteArrayType | kinds.MemoryViewType):
        fault = broken_length(len(value), kind, "byte", "bytes")
        return fault.removeprefix("must ") if fault else None
    return None


def _fits(value: Any, annotation: Any, strict: bool) -> bool:
    try:
        msgspec.convert(value, annotation, strict=strict)
    except (msgspec.ValidationError, ValueError, RecursionError):
        return False
    return True


_MADE = 10_000
_made: dict[int, tuple[kinds.Type, Any]] = {}
"""Annotations by the identity of their kinds, which have no hash and live as long as the handlers:
msgspec takes 5 µs for one that it has not seen."""


def _annotation(kind: kinds.Type) -> Any:
    """The annotation of a single value, made again from what is known of it."""
    made = _made.get(id(kind))
    if made is None:
        made = (kind, _make_annotation(kind))
        if len(_made) < _MADE:
            _made[id(kind)] = made
    return made[1]


def _make_annotation(kind: kinds.Type) -> Any:
    match kind:
        case kinds.Metadata(type=inner):
            return _annotation(inner)
        case kinds.UnionType(types=types):
            return Union.__getitem__(tuple(map(_annotation, types)))
        case kinds.LiteralType(values=values):
            return Literal.__getitem__(values)
        case kinds.EnumType(cls=cls):
            return cls
        case kinds.DateTimeType(tz=tz) | kinds.TimeType(tz=tz):
            plain: Any = datetime if isinstance(kind, kinds.DateTimeType) else time
            return plain if tz is None else Annotated[plain, msgspec.Meta(tz=tz)]
        case _ if type(kind) in _TYPES:
            bounds = {name: getattr(kind, name) for name in kind.__struct_fields__}
            given = {name: bound for name, bound in bounds.items() if bound is not None}
            plain = _TYPES[type(kind)]
            return Annotated[plain, msgspec.Meta(**given)] if given else plain
        case _:
            return _OTHERS[type(kind)]


def _choice(values: Any) -> str:
    shown = ["null" if value is None else repr(value) for value in values]
    return f"one of {', '.join(shown)}" if len(shown) > 1 else "".join(shown)
