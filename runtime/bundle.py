"""Bundle: one JSON Schema of a whole manifest, over all kinds there are, for editors."""

from __future__ import annotations

from typing import Any

from runtime.registry import Registry
from runtime.schema import bundle, envelope_schema


def whole(registry: Registry) -> dict[str, Any]:
    """A schema in which the `kind` of an entry decides what the rest of it may be."""
    envelope = dict(envelope_schema().document)
    definitions = dict(envelope.pop("$defs"))
    choices = []
    for name in registry.names:
        schema = bundle(registry.schema(name).document)
        definitions |= schema.pop("$defs")
        schema.pop("$schema", None)
        definitions[f"kind:{name}"] = schema
        choices.append(
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": name}}},
                "then": {"$ref": f"#/$defs/kind:{name}"},
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
