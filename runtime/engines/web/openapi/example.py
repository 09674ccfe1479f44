"""Example: a value that fits a JSON Schema, to begin with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.schemas import referenced

_DEPTH = 6
"""Levels of nested objects that are filled; those below get only what they require."""

_FORMATS = {
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "time": "09:30:00Z",
    "partial-time": "09:30:00",
    "duration": "PT15M",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "decimal": "9.99",
    "email": "ana@example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


def example(schema: Mapping[str, Any], components: Mapping[str, Schema], depth: int = 0) -> Any:
    """A value that fits, if only types, bounds and formats count; a pattern is not followed."""
    given = schema.get("examples") or [schema[key] for key in ("const", "default") if key in schema]
    if given and given[0] not in ([], {}, ""):  # those show nothing
        return given[0]
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        target = referenced(schema, components)
        return None if target is schema else example(target, components, depth)
    for choice in ("anyOf", "oneOf", "allOf"):
        options = [each for each in schema.get(choice, ()) if each != {"type": "null"}]
        if options:
            return example(options[0], components, depth)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    return _of_type(kind, schema, components, depth)


def _of_type(
    kind: Any, schema: Mapping[str, Any], components: Mapping[str, Schema], depth: int
) -> Any:
    match kind:
        case "object":
            required = schema.get("required", ())
            return {
                name: example(inner, components, depth + 1)
                for name, inner in schema.get("properties", {}).items()
                if depth < _DEPTH and (name in required or depth < 2)
            }
        case "array":
            return _array(schema, components, depth)
        case "string":
            return _text(schema)
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return {}


def _array(schema: Mapping[str, Any], components: Mapping[str, Schema], depth: int) -> list[Any]:
    if prefix := schema.get("prefixItems"):
        return [example(each, components, depth + 1) for each in prefix]
    items = schema.get("items", {})
    if depth >= _DEPTH or not isinstance(items, Mapping):
        return []
    count = min(max(1, schema.get("minItems", 1)), schema.get("maxItems", 10))
    return [example(items, components, depth + 1)] * count


def _text(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "" if "contentEncoding" in schema else "text")
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if len(text) < shortest:
        text = (text or "x").ljust(min(shortest, 200), "x")
    return text[: int(min(longest, len(text)))]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """The bound that there is, or 1; a multiple if it must be one."""
    step = schema.get("multipleOf", 1 if whole else 0.5)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value: float = 1
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    if value == schema.get("exclusiveMinimum"):
        value += step
    if value == schema.get("exclusiveMaximum"):
        value -= step
    if "multipleOf" in schema:
        value = math.ceil(value / step) * step
    return int(value) if whole else value
