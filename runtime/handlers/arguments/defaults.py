"""Defaults: completes dataclasses that msgspec has made.

It leaves a field that was not sent to the default on the class. Encoded again, the object would
lose the field, since the encoder looks at the object alone.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import msgspec
from msgspec import inspect as kinds

from runtime.handlers.arguments import tree


def are_left_out(kind: kinds.Type) -> bool:
    """True if there is such a class in a type."""
    return any(
        isinstance(each, kinds.DataclassType)
        and any(field.default is not msgspec.NODEFAULT for field in each.fields)
        for each in tree.walk(kind)
    )


def complete(value: Any) -> Any:
    """The value, in which all dataclasses have all their fields."""
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as mapping:
                pending += mapping.values()
            case list() | tuple() | set() | frozenset() as items:
                pending += items
            case msgspec.Struct() as struct:
                pending += (getattr(struct, name) for name in struct.__struct_fields__)
            case record if hasattr(record, "__dataclass_fields__"):
                _complete(record)
                pending += (getattr(record, field.name) for field in fields(record))
    return value


def _complete(record: Any) -> None:
    own = getattr(record, "__dict__", None)
    if own is None:
        return  # with slots, there is no default on the class
    for field in fields(record):
        if field.name not in own and field.default is not MISSING:
            object.__setattr__(record, field.name, field.default)
