"""Texts: converts what arrives as text, of a path, query, header, cookie or form, in one step."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import inspect as kinds
from msgspec.structs import astuple

from runtime.handlers.arguments import defaults, shape
from runtime.handlers.arguments.document import check_type
from runtime.handlers.arguments.expectation import expected
from runtime.handlers.arguments.faults import Fault, Unfit
from runtime.handlers.arguments.signature import Parameter
from runtime.handlers.arguments.walk import find_faults

_NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)
"""Seconds, which msgspec takes for a moment or a duration."""
_SHARED = (str, int, float, bool, bytes, tuple, frozenset, type(None))
"""Types of defaults that no handler can change for the others."""


class Texts:
    """Converts the texts of some parameters. Numbers and the like are written as text there, so
    `"5"` is an `int`; in a body it is none.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        """Raises TypeError, naming the parameter, for a type that no text is converted to."""
        fields: list[Any] = []
        self._careful: list[str] = []
        for each in parameters:
            try:
                kind = check_type(each.type)
            except (TypeError, NameError) as error:
                raise TypeError(f"the parameter '{each.name}': {error}") from None
            if _has_lax(kind):
                self._careful.append(each.name)
            type = _without_none(each.type)
            if each.required:
                fields.append((each.name, type))
            else:
                fields.append((each.name, type, _default(each.default)))
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
        if self._careful and (faults := [*self._find_lax(struct, values)]):
            raise Unfit(faults)
        return astuple(defaults.complete(struct) if self._is_incomplete else struct)

    def _find_lax(self, struct: msgspec.Struct, values: Mapping[str, Any]) -> Iterator[Fault]:
        """Faults for what msgspec takes from a text, and a document in JSON could not say."""
        for name in self._careful:
            value, given = getattr(struct, name), values.get(name)
            items = value if isinstance(value, list | tuple | set | frozenset) else (value,)
            if any(isinstance(item, float) and not math.isfinite(item) for item in items):
                yield Fault((name,), "must be a finite number")
            moments = [item for item in items if isinstance(item, datetime | timedelta)]
            texts = given if isinstance(given, list) else (given,)
            if moments and any(isinstance(each, str) and _NUMBER.fullmatch(each) for each in texts):
                kind = (
                    kinds.DateTimeType if isinstance(moments[0], datetime) else kinds.TimeDeltaType
                )
                yield Fault((name,), f"must be {expected(kind())}")


def _without_none(annotation: Any) -> Any:
    """The type of the values that are texts: `null` is one, and not the lack of a value."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return Annotated[(_without_none(inner), *more)]
    kept = [each for each in shape.choices(annotation) if each is not type(None)]
    if not kept or len(kept) == len(shape.choices(annotation)):
        return annotation
    return Union[tuple(kept)]  # noqa: UP007 - of a list


def _default(value: Any) -> Any:
    if isinstance(value, _SHARED):
        return value
    return msgspec.field(default_factory=_copier(value))


def _copier(value: Any) -> Callable[[], Any]:
    return lambda: copy.deepcopy(value)


def _has_lax(kind: kinds.Type) -> bool:
    """True for a type of which msgspec takes more texts than a document would have."""
    match kind:
        case kinds.FloatType() | kinds.DateTimeType() | kinds.TimeDeltaType():
            return True
        case kinds.Metadata(type=inner):
            return _has_lax(inner)
        case kinds.UnionType(types=types) | kinds.TupleType(item_types=types):
            return any(map(_has_lax, types))
        case _:
            item = getattr(kind, "item_type", None)
            return item is not None and _has_lax(item)
