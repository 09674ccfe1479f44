"""Options: fields of one kind that the schemas of other kinds declare.

A property with `x-options-of: queue.driver` is a mapping with one field for each kind below that
name: `memory` for `queue.driver.memory`. The field's schema is `x-queue-options` of that kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

OPTIONS_OF = "x-options-of"
OPTIONS = "x-queue-options"
_NONE: Mapping[str, Any] = {"type": "object", "additionalProperties": False, "default": {}}


def options_of(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The properties of a schema that other kinds declare, and the name above those kinds."""
    return {
        name: inner[OPTIONS_OF]
        for name, inner in document.get("properties", {}).items()
        if OPTIONS_OF in inner
    }


def add_options(
    document: Mapping[str, Any], kinds: Iterable[tuple[str, Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """The schema with the options that these kinds declare, given by their names and schemas."""
    properties = dict(document["properties"])
    definitions = dict(document.get("$defs", {}))
    kinds = list(kinds)
    for name, family in options_of(document).items():
        inner = dict(properties[name].get("properties", {}))
        for kind, other in kinds:
            if kind.startswith(f"{family}."):
                inner[kind.removeprefix(f"{family}.")] = other.get(OPTIONS, _NONE)
                definitions = {**other.get("$defs", {}), **definitions}
        properties[name] = {**properties[name], "additionalProperties": False, "properties": inner}
    return {**document, "properties": properties, "$defs": definitions}
