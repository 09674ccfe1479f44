"""Walk: finds all faults of a value that msgspec has refused, which itself tells only the first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import inspect as kinds

from runtime.findings.suggestion import did_you_mean
from runtime.handlers.arguments.expectation import broken_length, detail, expected
from runtime.handlers.arguments.faults import MOST, Fault, is_repeatable, listing

_LISTS = (
    kinds.ListType,
    kinds.SetType,
    kinds.FrozenSetType,
    kinds.VarTupleType,
    kinds.CollectionType,
)
_RECORDS = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType)
_LOOKS = 1000
"""Items of lists and objects that are looked at, in all: a refusal has to stay cheap."""
_MOST_NAMES = 200

_Path = tuple[str | int, ...]


def find_faults(
    value: Any, kind: kinds.Type, error: Exception | None = None, *, strict: bool = True
) -> list[Fault]:
    """The faults of a value of JSON types, at most `MOST` and never none.

    `error` is that of msgspec, which has the place of what lies too far behind to be looked at.
    """
    walk = _Walk(strict)
    walk.check(value, kind, ())
    return walk.faults[:MOST] or [Fault(_path_of(str(error or "")), "does not fit")]


class _Walk:
    def __init__(self, strict: bool) -> None:
        self.faults: list[Fault] = []
        self._strict = strict
        self._looks = _LOOKS

    def check(self, value: Any, kind: kinds.Type, path: _Path) -> None:
        if len(self.faults) >= MOST or self._looks <= 0:
            return
        self._looks -= 1
        match kind:
            case kinds.AnyType() | kinds.RawType():
                return
            case kinds.Metadata(type=inner):
                self.check(value, inner, path)
            case kinds.UnionType():
                self._union(value, kind, path)
            case kinds.StructType(array_like=True) | kinds.NamedTupleType():
                self._array(value, kind, path)
            case kinds.TupleType(item_types=types):
                self._tuple(value, types, path)
            case _ if isinstance(kind, _RECORDS):
                self._record(value, kind, path)
            case kinds.DictType():
                self._mapping(value, kind, path)
            case _ if isinstance(kind, _LISTS):
                self._list(value, kind, path)
            case _:
                if fault := detail(value, kind, strict=self._strict):
                    self._add(path, fault)

    def _add(self, path: _Path, text: str) -> None:
        self.faults.append(Fault(path, text))

    def _union(self, value: Any, union: kinds.UnionType, path: _Path) -> None:
        """Go on with the member of the union that the value is meant for: msgspec allows no two
        that it could not tell apart.
        """
        if isinstance(value, dict):
            members = [each for each in union.types if _is_object(each)]
        elif isinstance(value, list):
            members = [each for each in union.types if _is_array(each)]
        else:
            members = [each for each in union.types if not _is_object(each) and not _is_array(each)]
            self._single(value, union, members, path)
            return
        if len(members) == 1:
            self.check(value, members[0], path)
        elif members:
            self._tagged(value, members, path)
        else:
            self._add(path, f"must be {expected(union)}")

    def _single(
        self, value: Any, union: kinds.UnionType, members: Sequence[kinds.Type], path: _Path
    ) -> None:
        if any(detail(value, each, strict=self._strict) is None for each in members):
            return
        meant = [each for each in members if not isinstance(each, kinds.NoneType)]
        if len(meant) == 1 and value is not None and len(meant) + 1 >= len(union.types):
            fault = detail(value, meant[0], strict=self._strict) or f"must be {expected(union)}"
            has_null = len(union.types) > 1 and fault == f"must be {expected(meant[0])}"
            self._add(path, f"{fault} or null" if has_null and self._strict else fault)
        else:
            self._add(path, f"must be {expected(union)}")

    def _tagged(self, value: Any, members: Sequence[Any], path: _Path) -> None:
        field = getattr(members[0], "tag_field", None) if isinstance(value, dict) else None
        if field is None:
            self._add(path, "does not fit")
            return
        tags = {each.tag: each for each in members}
        given = value.get(field)
        if field not in value:
            self._add((*path, field), "is missing")
        elif not isinstance(given, str | int) or given not in tags:
            self._add((*path, field), f"must be one of {listing(tags)}")
        else:
            self.check(value, tags[given], path)

    def _record(self, value: Any, record: Any, path: _Path) -> None:
        if not isinstance(value, dict):
            self._add(path, "must be an object")
            return
        before = len(self.faults)
        tag_field = getattr(record, "tag_field", None)
        if tag_field is not None and value.get(tag_field, record.tag) != record.tag:
            self._add((*path, tag_field), f"must be {record.tag!r}")
        for field in record.fields:
            if field.encode_name in value:
                self.check(value[field.encode_name], field.type, (*path, field.encode_name))
            elif field.required:
                self._add((*path, field.encode_name), "is missing")
        if getattr(record, "forbid_unknown_fields", False):
            self._unknown(value, record, tag_field, path)
        if len(self.faults) == before:
            self._own_check(value, record, path)

    def _unknown(self, value: Any, record: Any, tag_field: str | None, path: _Path) -> None:
        names = [field.encode_name for field in record.fields]
        known = {*names, tag_field}
        for name in [each for each in value if each not in known][:MOST]:
            if is_repeatable(name):
                hint = did_you_mean(name, names[:_MOST_NAMES])
                self._add((*path, name), "unknown field" + (f"; {hint}" if hint else ""))
            else:
                self._add(path, "has an unknown field")

    def _own_check(self, value: Any, record: Any, path: _Path) -> None:
        """The check that a class makes itself, in its own words: those are meant for users."""
        if not hasattr(record.cls, "__post_init__"):
            return
        try:
            msgspec.convert(value, record.cls, strict=self._strict)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, ValueError | TypeError):
                self._add(path, str(error.__cause__) or "does not fit")
        except RecursionError:
            self._add(path, "does not fit")

    def _array(self, value: Any, record: Any, path: _Path) -> None:
        """A record that is written as a list."""
        if not isinstance(value, list):
            self._add(path, "must be a list")
            return
        shift = 1 if getattr(record, "tag", None) is not None else 0
        for index, field in enumerate(record.fields, shift):
            if index < len(value):
                self.check(value[index], field.type, (*path, index))
            elif field.required:
                self._add((*path, index), "is missing")

    def _tuple(self, value: Any, types: Sequence[kinds.Type], path: _Path) -> None:
        if not isinstance(value, list | tuple):
            self._add(path, "must be a list")
        elif len(value) != len(types):
            self._add(path, f"must have {len(types)} items")
        else:
            self._items(value, types, path)

    def _list(self, value: Any, kind: Any, path: _Path) -> None:
        if not isinstance(value, list | tuple):
            self._add(path, "must be a list")
            return
        if fault := broken_length(len(value), kind, "item", "items"):
            self._add(path, fault)
        self._items(value[:_LOOKS], [kind.item_type] * min(len(value), _LOOKS), path)

    def _items(self, value: Sequence[Any], types: Iterable[kinds.Type], path: _Path) -> None:
        for index, (item, kind) in enumerate(zip(value, types, strict=False)):
            if len(self.faults) >= MOST or self._looks <= 0:
                return
            self.check(item, kind, (*path, index))

    def _mapping(self, value: Any, kind: kinds.DictType, path: _Path) -> None:
        if not isinstance(value, dict):
            self._add(path, "must be an object")
            return
        if fault := broken_length(len(value), kind, "field", "fields"):
            self._add(path, fault)
        for name, item in value.items():
            if len(self.faults) >= MOST or self._looks <= 0:
                return
            shown = is_repeatable(name)
            # the text of a number is a number as a key
            if not isinstance(kind.key_type, kinds.AnyType) and (
                fault := detail(name, kind.key_type, strict=False)
            ):
                self._add((*path, name) if shown else path, f"its name {fault}")
            self.check(item, kind.value_type, (*path, name) if shown else path)


def _is_object(kind: kinds.Type) -> bool:
    if isinstance(kind, kinds.StructType):
        return not kind.array_like
    return isinstance(kind, (*_RECORDS, kinds.DictType))


def _is_array(kind: kinds.Type) -> bool:
    if isinstance(kind, kinds.StructType):
        return kind.array_like
    return isinstance(kind, (*_LISTS, kinds.TupleType, kinds.NamedTupleType))


_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")
_PLACE = re.compile(r" - at `\$([^`]*)`\Z")


def _path_of(error: str) -> _Path:
    """The place that an error of msgspec names, up to a key that it does not name."""
    match = _PLACE.search(error)
    if match is None:
        return ()
    known = match[1].partition("[...]")[0]
    return tuple(int(step[2]) if step[2] else step[1] for step in _STEP.finditer(known))
