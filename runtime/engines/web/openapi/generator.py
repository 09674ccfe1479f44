"""Generator: the JSON Schema of a type, from what msgspec knows about it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect as known

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/"

Named = known.StructType | known.TypedDictType | known.DataclassType | known.NamedTupleType
_NAMED = (*get_args(Named), known.EnumType)
CLASSES = (*_NAMED, known.CustomType)
"""The types of classes: records, enumerations, and those that msgspec does not know."""
_NUMBERS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_SIMPLE: Mapping[type, Schema] = {
    known.NoneType: {"type": "null"},
    known.BoolType: {"type": "boolean"},
    known.DateType: {"type": "string", "format": "date"},
    known.TimeDeltaType: {"type": "string", "format": "duration"},
    known.UUIDType: {"type": "string", "format": "uuid"},
    known.DecimalType: {
        "type": ["string", "number"],
        "format": "decimal",
        "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$",
    },
}
_FACTORIES = (list, dict, set, bytearray)
"""Calls without an effect, whose result is the default of a field."""


class Generator:
    """Makes schemas; records, enumerations and models are references to components.

    `names` has the names of the components by class, and `models` the schemas of classes that
    msgspec does not know.
    """

    def __init__(self, names: Mapping[Any, str], models: Mapping[Any, Schema]) -> None:
        self._names = names
        self._models = models

    def schema(self, given: known.Type) -> Schema:
        type, extra = unwrap(given)
        name = self._names.get(type.cls) if isinstance(type, _NAMED) else None
        own = {"$ref": REFERENCE + name} if name else self._schema(type)
        return {**own, **extra}

    def component(self, type: known.Type) -> Schema:
        """The schema of a class that others only refer to."""
        head: Schema = {"title": title(type.cls)}  # type: ignore[attr-defined]
        if text := _documentation(type.cls):  # type: ignore[attr-defined]
            head["description"] = text
        if isinstance(type, known.EnumType):
            return {**head, "enum": [each.value for each in type.cls]}
        assert isinstance(type, _NAMED)
        return {**head, **self._record(type)}

    def _schema(self, type: known.Type) -> Schema:
        match type:
            case known.IntType() | known.FloatType():
                kind = "integer" if isinstance(type, known.IntType) else "number"
                return {"type": kind, **_limits(type, _NUMBERS)}
            case known.StrType():
                return {"type": "string", **_lengths(type, "Length"), **_pattern(type)}
            case known.BytesType() | known.ByteArrayType() | known.MemoryViewType():
                return {"type": "string", "format": "byte", "contentEncoding": "base64"}
            case known.DateTimeType() | known.TimeType():
                word = "date-time" if isinstance(type, known.DateTimeType) else "time"
                return {"type": "string", "format": f"local-{word}" if type.tz is False else word}
            case known.CollectionType():
                # Of a set too: an item that comes twice is taken, and kept once.
                items = {"items": self.schema(type.item_type)}
                return {"type": "array", **items, **_lengths(type, "Items")}
            case known.TupleType():
                return _tuple([self.schema(each) for each in type.item_types])
            case known.DictType():
                return self._map(type)
            case known.LiteralType():
                return {"enum": [*type.values]}
            case known.UnionType():
                return self._union(type.types)
            case known.CustomType():
                text = f"A value of type {type.cls.__name__}."
                return dict(self._models.get(type.cls, {"description": text}))
            case _:
                return dict(_SIMPLE.get(type.__class__, {}))

    def _map(self, type: known.DictType) -> Schema:
        found: Schema = {"type": "object"}
        key, _ = unwrap(type.key_type)
        keys = {word: limit for word, limit in self.schema(key).items() if word != "type"}
        if isinstance(key, known.StrType) and keys:
            found["propertyNames"] = keys
        if values := self.schema(type.value_type):
            found["additionalProperties"] = values
        return {**found, **_lengths(type, "Properties")}

    def _union(self, members: Sequence[known.Type]) -> Schema:
        """One of several types; null comes last, and records that a tag tells apart say so."""
        ordered = sorted(members, key=lambda each: isinstance(each, known.NoneType))
        options = [self.schema(each) for each in ordered]
        tags = {each.tag: each for each in members if isinstance(each, known.StructType)}
        if len(tags) < 2 or len(tags) != len(members) or None in tags:
            return {"anyOf": options}
        mapping = {str(tag): REFERENCE + self._names[each.cls] for tag, each in tags.items()}
        field = next(iter(tags.values())).tag_field
        return {"oneOf": options, "discriminator": {"propertyName": field, "mapping": mapping}}

    def _record(self, type: Named) -> Schema:
        fields = {each.encode_name: self._field(each) for each in type.fields}
        required = [each.encode_name for each in type.fields if each.required]
        closed: Schema = {}
        if isinstance(type, known.StructType):
            if type.tag_field is not None:
                fields = {type.tag_field: {"const": type.tag}, **fields}
                required.insert(0, type.tag_field)
            if type.forbid_unknown_fields:
                closed = {"additionalProperties": False}
        if isinstance(type, known.NamedTupleType) or getattr(type, "array_like", False):
            return {**_tuple([*fields.values()]), "minItems": len(required)}
        found: Schema = {"type": "object", "properties": fields, **closed}
        return {**found, "required": required} if required else found

    def _field(self, field: known.Field) -> Schema:
        schema = self.schema(field.type)
        default = field.default
        if field.default_factory in _FACTORIES:
            default = field.default_factory()
        if not field.required and default is not msgspec.NODEFAULT:
            try:
                schema["default"] = msgspec.to_builtins(default, str_keys=True)
            except Exception:  # of any type
                return schema
        return schema


def unwrap(type: known.Type) -> tuple[known.Type, Schema]:
    """A type without its annotations, and the schema that those add."""
    extra: Schema = {}
    while isinstance(type, known.Metadata):
        extra = {**(type.extra_json_schema or {}), **extra}
        type = type.type
    return type, extra


def title(cls: Any) -> str:
    """The name of a class, with the arguments of a generic one: `Page[Task]`."""
    origin = get_origin(cls)
    if origin is None:
        return str(getattr(cls, "__name__", cls))
    return f"{origin.__name__}[{', '.join(map(title, get_args(cls)))}]"


def _documentation(cls: Any) -> str:
    """The docstring that a class has itself, and did not get from its making."""
    cls = get_origin(cls) or cls
    text = cls.__dict__.get("__doc__") or ""
    is_signature = text.startswith(f"{cls.__name__}(") and text.endswith(")")
    return "" if is_signature else inspect.cleandoc(text)


def _limits(type: Any, words: Mapping[str, str]) -> Schema:
    limits = {word: getattr(type, limit) for limit, word in words.items()}
    return {word: limit for word, limit in limits.items() if limit is not None}


def _lengths(type: Any, of: str) -> Schema:
    return _limits(type, {"min_length": f"min{of}", "max_length": f"max{of}"})


def _pattern(type: known.StrType) -> Schema:
    return {} if type.pattern is None else {"pattern": type.pattern}


def _tuple(items: list[Schema]) -> Schema:
    length = len(items)
    if not length:
        return {"type": "array", "maxItems": 0}
    return {"type": "array", "prefixItems": items, "minItems": length, "maxItems": length}
