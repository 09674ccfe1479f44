"""Outline: a JSON Schema in words and as a table of its properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runtime import codec
from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.markup import anchor, escape, line
from runtime.engines.web.openapi.schemas import referenced

_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "{} or more characters",
    "maxLength": "up to {} characters",
    "pattern": "matches {}",
    "minItems": "{} or more items",
    "maxItems": "up to {} items",
    "minProperties": "{} or more members",
    "maxProperties": "up to {} members",
}


def type_text(schema: Mapping[str, Any]) -> str:
    """The type as HTML, in a few words, with links to the components that it names."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a class="link" href="#{escape(anchor("schema", name))}">{escape(name)}</a>'
    for choice in ("anyOf", "oneOf"):
        if options := schema.get(choice):
            return " or ".join(map(type_text, options))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(_value(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(_value(schema['const']))}</code>"
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(map(type_text, schema['prefixItems']))}]"
        items = schema.get("items")
        return f"array of {type_text(items)}" if isinstance(items, Mapping) else "array"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of {type_text(schema['additionalProperties'])}"
    words = " or ".join(kind) if isinstance(kind, list) else kind
    return escape(schema.get("format") or words or "any value")


def details(schema: Mapping[str, Any]) -> str:
    """Bounds, default and further notes as HTML; empty if there are none."""
    return "".join(f'<span class="bound">{note}</span>' for note in _notes(schema))


def _notes(schema: Mapping[str, Any]) -> Iterator[str]:
    for choice in ("anyOf", "oneOf"):
        for option in schema.get(choice, ()):
            yield from _notes(option)
    for key, words in _BOUNDS.items():
        if key in schema and (key, schema[key]) != ("minLength", 1):
            yield words.format(f"<code>{escape(schema[key])}</code>")
    if isinstance(schema.get("items"), Mapping):
        yield from (f"each {note}" for note in _notes(schema["items"]))
    if schema.get("uniqueItems"):
        yield "no item twice"
    if schema.get("default") not in (None, "", [], {}):
        yield f"default <code>{escape(_value(schema['default']))}</code>"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else codec.encode_response(value).decode()


def property_table(schema: Mapping[str, Any], components: Mapping[str, Schema]) -> str:
    """The properties of an object, or of the component it refers to; else its type in words."""
    whole = referenced(schema, components)
    properties = whole.get("properties")
    if not properties:
        return f'<p class="kind-of">{type_text(whole)} {details(whole)}</p>'
    required = whole.get("required", ())
    rows = "".join(
        row(name, inner, is_required=name in required) for name, inner in properties.items()
    )
    closed = ""
    if whole.get("additionalProperties") is False:
        closed = '<p class="sub">No other members.</p>'
    return f'<dl class="rows">{rows}</dl>{closed}'


def row(name: str, schema: Mapping[str, Any], *, is_required: bool, note: str = "") -> str:
    """One property or parameter: its name, its type, and what else is said about it."""
    description = note or str(schema.get("description", ""))
    must = '<span class="must">required</span>' if is_required else ""
    text = f"<p>{line(description)}</p>" if description else ""
    return (
        f"<div><dt><code>{escape(name)}</code>{must}</dt>"
        f'<dd><span class="type">{type_text(schema)}</span>{details(schema)}{text}</dd></div>'
    )
