"""Bundle: the JSON Schema of a whole manifest with all installed kinds, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.manifest.interpolation import PLACEHOLDER
from runtime.registry import BrokenKind, Registry
from runtime.schema.schema import envelope_schema

_PLACEHOLDER = {
    "type": "string",
    "pattern": PLACEHOLDER,
    "description": "`${env:NAME}`, `${secret:NAME}` or `${file:PATH}`, each with a `|default` if "
    "wanted: filled from the environment or a file.",
}
_NOTES = (
    "description",
    "default",
    "examples",
    "title",
    "x-ref",
    "x-only",
    "x-inline",
    "x-expected",
    "x-type",
    "x-handler",
)


def editor_schema(registry: Registry) -> dict[str, Any]:
    """Build a schema in which the `kind` of an entry selects the schema of the entry."""
    envelope = dict(envelope_schema().document)
    shared = envelope.pop("$defs")
    definitions: dict[str, Any] = {"placeholder": _PLACEHOLDER}
    choices = []
    for name in registry.names:
        try:
            definitions |= _definitions(name, registry.expanded_schema(name).document, shared)
        except BrokenKind:
            continue  # the name is allowed, but the schema cannot be read
        choices.append(
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": name}}},
                "then": {"$ref": f"#/$defs/{name}"},
            }
        )
    # Other entries refer to a name, so it cannot come from the environment.
    definitions |= {
        key: value if key == "name" else _with_placeholders(value) for key, value in shared.items()
    }
    entry = {
        "type": "object",
        "required": ["name", "kind"],
        "properties": {
            "name": {"$ref": "#/$defs/name"},
            "kind": {"enum": registry.names, "description": "The type of the entry."},
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
    """Return a kind's schema as a definition, its own definitions prefixed with its name."""
    inner = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
    own = {key: value for key, value in schema["$defs"].items() if shared.get(key) != value}
    renamed = {f"#/$defs/{key}": f"#/$defs/{name}:{key}" for key in own}
    return {
        name: _with_placeholders(_repoint(inner, renamed)),
        **{
            f"{name}:{key}": _with_placeholders(_repoint(value, renamed))
            for key, value in own.items()
        },
    }


def _repoint(node: Any, renamed: Mapping[str, str]) -> Any:
    """Copy a schema with its `$ref`s renamed."""
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value) if key == "$ref" else _repoint(value, renamed)
            for key, value in node.items()
        }
    return [_repoint(item, renamed) for item in node] if isinstance(node, list) else node


def _with_placeholders(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Allow `${env:NAME}` for every value in the schema that would refuse it."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {
            key: _with_placeholders(inner) for key, inner in schema["properties"].items()
        }
    if isinstance(schema.get("items"), Mapping):
        result["items"] = _with_placeholders(schema["items"])
    if not _refuses_placeholders(schema):
        return result
    notes = {key: value for key, value in schema.items() if key in _NOTES}
    limits = {key: value for key, value in schema.items() if key not in _NOTES}
    return {**notes, "anyOf": [limits, {"$ref": "#/$defs/placeholder"}]}


def _refuses_placeholders(schema: Mapping[str, Any]) -> bool:
    """True for a schema of single values that a placeholder's text does not match."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "object" in types or "array" in types:
        return False
    return "pattern" in schema or "enum" in schema or bool(types and "string" not in types)
