"""Bundle: one JSON Schema of a whole manifest, over all kinds there are, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.manifest.interpolation import PLACEHOLDER
from runtime.registry import BrokenKind, Registry
from runtime.schema.schema import envelope_schema

_PLACEHOLDER = {
    "type": "string",
    "pattern": PLACEHOLDER,
    "description": "`${env:NAME}` or `${env:NAME|default}`, filled from the environment.",
}
_NOTES = ("description", "default", "examples", "title", "x-ref", "x-expected", "x-type")


def whole(registry: Registry) -> dict[str, Any]:
    """A schema in which the `kind` of an entry decides what the rest of it may be."""
    envelope = dict(envelope_schema().document)
    shared = envelope.pop("$defs")
    definitions: dict[str, Any] = {"placeholder": _PLACEHOLDER}
    choices = []
    for name in registry.names:
        try:
            definitions |= _definitions(name, registry.schema(name).document, shared)
        except BrokenKind:
            continue  # its name may be written, and nothing more is known of it
        choices.append(
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": name}}},
                "then": {"$ref": f"#/$defs/{name}"},
            }
        )
    # A name is what others refer to, so it cannot come from the environment.
    definitions |= {
        key: value if key == "name" else _placeable(value) for key, value in shared.items()
    }
    entry = {
        "type": "object",
        "required": ["name", "kind"],
        "properties": {
            "name": {"$ref": "#/$defs/name"},
            "kind": {"enum": registry.names, "description": "The sort of the entry."},
        },
        "allOf": choices,
    }
    entries = {**envelope["properties"]["entries"], "items": entry}
    return {
        **envelope,
        "title": "A manifest of runtime",
        "properties": {**envelope["properties"], "entries": entries},
        "$defs": definitions,
    }


def _definitions(name: str, schema: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A kind's schema as a definition, and its own definitions under names of their own."""
    inner = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
    own = {key: value for key, value in schema["$defs"].items() if shared.get(key) != value}
    renamed = {f"#/$defs/{key}": f"#/$defs/{name}:{key}" for key in own}
    return {
        name: _placeable(_repointed(inner, renamed)),
        **{f"{name}:{key}": _placeable(_repointed(value, renamed)) for key, value in own.items()},
    }


def _repointed(node: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value) if key == "$ref" else _repointed(value, renamed)
            for key, value in node.items()
        }
    return [_repointed(item, renamed) for item in node] if isinstance(node, list) else node


def _placeable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with `${env:NAME}` allowed for every value that a placeholder can become."""
    placeable = dict(schema)
    if "properties" in schema:
        inside = {key: _placeable(inner) for key, inner in schema["properties"].items()}
        placeable["properties"] = inside
    if isinstance(schema.get("items"), Mapping):
        placeable["items"] = _placeable(schema["items"])
    if not _refuses_placeholders(schema):
        return placeable
    notes = {key: value for key, value in schema.items() if key in _NOTES}
    limits = {key: value for key, value in schema.items() if key not in _NOTES}
    return {**notes, "anyOf": [limits, {"$ref": "#/$defs/placeholder"}]}


def _refuses_placeholders(schema: Mapping[str, Any]) -> bool:
    """Whether this is one value, and of a form that the text of a placeholder has not."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "object" in types or "array" in types:
        return False
    return "pattern" in schema or "enum" in schema or bool(types and "string" not in types)
