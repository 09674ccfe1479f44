"""Validity: a schema as a function that quickly says of a value that it is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
"""True for what is certainly valid. False for what is not, and for what it cannot tell."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_SAYS_NOTHING = frozenset(
    ("$schema", "$id", "$defs", "$comment", "title", "description", "default", "examples")
)


def compiled(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    """A function for the values of JSON, whose types are exactly those that `json` gives.

    It knows the keywords that the schemas here are made of. Of a schema with another one, which
    a kind from outside may bring, it never says yes, so that jsonschema decides.
    """
    words = {key: limit for key, limit in schema.items() if not _is_a_note(key)}
    if not words.keys() <= _KEYWORDS.keys():
        return _cannot_tell
    if words.get("type") == "object":  # a mapping, a text: one function for what most fields are
        if words.keys() <= {"type", "properties", "additionalProperties", "required"}:
            return _object(words, definitions)
    elif words.get("type") == "string" and words.keys() == {"type", "pattern"}:
        return _pattern(words["pattern"], {}, definitions, otherwise=False)
    made = [_KEYWORDS[key](limit, words, definitions) for key, limit in words.items()]
    checks = [check for check in made if check]
    return checks[0] if len(checks) == 1 else lambda value: all([check(value) for check in checks])


def _is_a_note(keyword: str) -> bool:
    return keyword in _SAYS_NOTHING or keyword.startswith("x-")


def _cannot_tell(value: Any) -> bool:
    return False


def _reference(limit: Any, schema: Any, definitions: Any) -> Check:
    return compiled(definitions[limit.rpartition("/")[2]], definitions)


def _type(limit: Any, schema: Any, definitions: Any) -> Check:
    names = [limit] if isinstance(limit, str) else limit
    # 2.0 is an integer too: let jsonschema say so
    types = frozenset(known for name in names for known in _TYPES[name])
    if len(types) == 1:
        (only,) = types
        return lambda value: type(value) is only
    return lambda value: type(value) in types


def _object(words: Mapping[str, Any], definitions: Any) -> Check:
    """A mapping with `properties`, with what may stand beside them, and what must be there."""
    fields = words.get("properties", {})
    inner = {name: compiled(field, definitions) for name, field in fields.items()}
    required = frozenset(words.get("required", ()))
    others = words.get("additionalProperties", True)
    if not isinstance(others, bool):
        return _cannot_tell

    def check(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for name, item in value.items():
            if name in inner:
                if not inner[name](item):
                    return False
            elif not others:
                return False
        return True

    return check


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
        return _cannot_tell
    inner = compiled(limit, definitions)
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
        if not patterns:  # not before a value asks for it: this takes long
            patterns.append(re.compile(python_pattern(limit)))
        return patterns[0].search(value) is not None

    return check


def python_pattern(pattern: str) -> str:
    """A schema's pattern as Python's: its `$` lets a line break follow, that of JSON does not."""
    return re.sub(r"\$$", r"\\Z", pattern)


def _min_length(limit: Any, schema: Any, definitions: Any) -> Check:
    return lambda value: type(value) is not str or len(value) >= limit


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
    "minLength": _min_length,
    "minimum": _minimum,
    "maximum": _maximum,
}
