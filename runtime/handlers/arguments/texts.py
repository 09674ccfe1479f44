"""Texts: converts what arrives as text, of a path, query, header, cookie or form, in one step."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect as kinds
from msgspec.structs import astuple

from runtime.handlers.arguments import defaults
from runtime.handlers.arguments.document import check_type
from runtime.handlers.arguments.faults import Fault, Unfit
from runtime.handlers.arguments.signature import Parameter
from runtime.handlers.arguments.walk import find_faults

_SHARED = (str, int, float, bool, bytes, tuple, frozenset, type(None))
"""Types of defaults that no handler can change for the others."""


class Texts:
    """Converts the texts of some parameters. Numbers and the like are written as text there, so
    `"5"` is an `int`; in a body it is none.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        """Raises TypeError, naming the parameter, for a type that no text is converted to."""
        fields: list[Any] = []
        self._finite: list[str] = []
        for each in parameters:
            try:
                kind = check_type(each.type)
            except TypeError as error:
                raise TypeError(f"the parameter '{each.name}': {error}") from None
            if _has_float(kind):
                self._finite.append(each.name)
            if each.required:
                fields.append((each.name, each.type))
            else:
                fields.append((each.name, each.type, _default(each.default)))
        self._struct = msgspec.defstruct("Texts", fields, kw_only=True)
        self._kind = kinds.type_info(self._struct)
        self._is_incomplete = defaults.are_left_out(self._kind)

    def convert(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of the parameters in their order. `values` are by the parameter's name, and
        lists for lists. Raises Unfit, with paths that begin with that name.
        """
        try:
            struct = msgspec.convert(values, self._struct, strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Unfit(find_faults(values, self._kind, error, strict=False)) from None
        if self._finite and (faults := [*self._infinite(struct)]):
            raise Unfit(faults)
        return astuple(defaults.complete(struct) if self._is_incomplete else struct)

    def _infinite(self, struct: msgspec.Struct) -> Iterator[Fault]:
        """Faults for `nan` and `inf`, which JSON could not say either."""
        for name in self._finite:
            value = getattr(struct, name)
            items = value if isinstance(value, list | tuple | set | frozenset) else (value,)
            if any(isinstance(item, float) and not math.isfinite(item) for item in items):
                yield Fault((name,), "must be a finite number")


def _default(value: Any) -> Any:
    if isinstance(value, _SHARED):
        return value
    return msgspec.field(default_factory=_copier(value))


def _copier(value: Any) -> Callable[[], Any]:
    return lambda: copy.deepcopy(value)


def _has_float(kind: kinds.Type) -> bool:
    match kind:
        case kinds.FloatType():
            return True
        case kinds.Metadata(type=inner):
            return _has_float(inner)
        case kinds.UnionType(types=types) | kinds.TupleType(item_types=types):
            return any(map(_has_float, types))
        case _:
            item = getattr(kind, "item_type", None)
            return item is not None and _has_float(item)
