"""Validator: a JSON Schema compiled to a function that accepts valid values quickly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
"""True only for values that are certainly valid; on False, jsonschema has to decide."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_ANNOTATIONS = frozenset(
    ("$schema", "$id", "$defs", "$comment", "title", "description", "default", "examples")
)


def compile_validator(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    """Compile a schema to a check for JSON values, of exactly the types that `json` produces.

    Only the keywords used by the built-in schemas are known. A schema with any other keyword,
    which a kind from another package may use, compiles to a check that is never True.
    """
    words = {key: limit for key, limit in schema.items() if not _is_annotation(key)}
    if not words.keys() <= _KEYWORDS.keys():
        return _undecided
    if words.get("type") == "object":  # one function call for the two most common forms
        if words.keys() <= {"type", "properties", "additionalProperties", "required"}:
            return _object(words, definitions)
    elif words.get("type") == "string" and words.keys() == {"type", "pattern"}:
        return _pattern(words["pattern"], {}, definitions, otherwise=False)
    compiled = [_KEYWORDS[key](limit, words, definitions) for key, limit in words.items()]
    checks = [check for check in compiled if check]
    return checks[0] if len(checks) == 1 else lambda value: all([check(value) for check in checks])


def _is_annotation(keyword: str) -> bool:
    return keyword in _ANNOTATIONS or keyword.startswith("x-")


def _undecided(value: Any) -> bool:
    return False


def _reference(limit: Any, schema: Any, definitions: Any) -> Check:
    return compile_validator(definitions[limit.rpartition("/")[2]], definitions)


def _type(limit: Any, schema: Any, definitions: Any) -> Check:
    names = [limit] if isinstance(limit, str) else limit
    # 2.0 is an integer too, but rare: left to jsonschema
    types = frozenset(known for name in names for known in _TYPES[name])
    if len(types) == 1:
        (only,) = types
        return lambda value: type(value) is only
    return lambda value: type(value) in types


def _object(words: Mapping[str, Any], definitions: Any) -> Check:
    """Check `type: object` together with `properties`, `additionalProperties` and `required`."""
    fields = words.get("properties", {})
    inner = {name: compile_validator(field, definitions) for name, field in fields.items()}
    required = frozenset(words.get("required", ()))
    others = _other_fields(words.get("additionalProperties", True), definitions)

    def check(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for name, item in value.items():
            if name in inner:
                if not inner[name](item):
                    return False
            elif not others(item):
                return False
        return True

    return check


def _other_fields(limit: Any, definitions: Any) -> Check:
    if isinstance(limit, bool):
        return lambda value: limit
    return compile_validator(limit, definitions)


def _mapping(limit: Any, schema: Any, definitions: Any) -> Check:
    names = ("properties", "additionalProperties")
    check = _object({name: schema[name] for name in names if name in schema}, definitions)
    return lambda value: type(value) is not dict or check(value)


def _closed(limit: Any, schema: Any, definitions: Any) -> Check | None:
    return None if "properties" in schema else _mapping(limit, schema, definitions)


def _required(limit: Any, schema: Any, definitions: Any) -> Check:
    names = frozenset(limit)
    return lambda value: type(value) is not dict or names <= value.keys()


def _items(limit: Any, schema: Any, definitions: Any) -> Check:
    if not isinstance(limit, Mapping):
        return _undecided
    inner = compile_validator(limit, definitions)
    return lambda value: type(value) is not list or all([inner(item) for item in value])


def _unique(limit: Any, schema: Any, definitions: Any) -> Check | None:
    if not limit:
        return None

    def check(value: Any) -> bool:
        if type(value) is not list:
            return True
        return all(type(item) is str for item in value) and len({*value}) == len(value)

    return check


def _enum(limit: Any, schema: Any, definitions: Any) -> Check:
    words = frozenset(choice for choice in limit if type(choice) is str)
    others = [choice for choice in limit if type(choice) is not str]

    def check(value: Any) -> bool:
        if type(value) is str:
            return value in words
        return any(type(value) is type(choice) and value == choice for choice in others)

    return check


def _constant(limit: Any, schema: Any, definitions: Any) -> Check:
    return _enum([limit], schema, definitions)


def _pattern(limit: Any, schema: Any, definitions: Any, otherwise: bool = True) -> Check:
    patterns: list[re.Pattern[str]] = []

    def check(value: Any) -> bool:
        if type(value) is not str:
            return otherwise
        if not patterns:  # compiled on first use: most are never needed, and it is slow
            patterns.append(re.compile(python_pattern(limit)))
        return patterns[0].search(value) is not None

    return check


def python_pattern(pattern: str) -> str:
    """Translate a schema's pattern to Python, where `$` would also match before a final newline."""
    return re.sub(r"\$$", r"\\Z", pattern)


def _at_least(sized: type[Any]) -> Callable[[Any, Any, Any], Check]:
    """Compile the least length of the values of one type."""
    return lambda limit, _, __: lambda value: type(value) is not sized or len(value) >= limit


def _at_most(sized: type[Any]) -> Callable[[Any, Any, Any], Check]:
    """Compile the greatest length of the values of one type."""
    return lambda limit, _, __: lambda value: type(value) is not sized or len(value) <= limit


def _minimum(limit: Any, schema: Any, definitions: Any) -> Check:
    return lambda value: type(value) not in (int, float) or value >= limit


def _maximum(limit: Any, schema: Any, definitions: Any) -> Check:
    return lambda value: type(value) not in (int, float) or value <= limit


_KEYWORDS: Mapping[str, Callable[[Any, Any, Any], Check | None]] = {
    "$ref": _reference,
    "type": _type,
    "properties": _mapping,
    "additionalProperties": _closed,
    "required": _required,
    "items": _items,
    "uniqueItems": _unique,
    "enum": _enum,
    "const": _constant,
    "pattern": _pattern,
    "minLength": _at_least(str),
    "maxLength": _at_most(str),
    "minItems": _at_least(list),
    "maxItems": _at_most(list),
    "minProperties": _at_least(dict),
    "maxProperties": _at_most(dict),
    "minimum": _minimum,
    "maximum": _maximum,
}
