"""Bundle: one JSON Schema of a whole manifest, over all kinds there are, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.registry import BrokenKind, Registry
from runtime.schema import envelope_schema


def whole(registry: Registry) -> dict[str, Any]:
    """A schema in which the `kind` of an entry decides what the rest of it may be."""
    envelope = dict(envelope_schema().document)
    definitions = dict(envelope.pop("$defs"))
    choices = []
    for name in registry.names:
        try:
            definitions |= _definitions(name, registry.schema(name).document, definitions)
        except BrokenKind:
            continue  # its name may be written, and nothing more is known of it
        choices.append(
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": name}}},
                "then": {"$ref": f"#/$defs/{name}"},
            }
        )
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
        name: _repointed(inner, renamed),
        **{f"{name}:{key}": _repointed(value, renamed) for key, value in own.items()},
    }


def _repointed(node: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value) if key == "$ref" else _repointed(value, renamed)
            for key, value in node.items()
        }
    return [_repointed(item, renamed) for item in node] if isinstance(node, list) else node
