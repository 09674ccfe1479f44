"""Family: kinds that accept each other's fields, so that an override of `kind` alone is enough.

A schema with `x-family: db.sql` has the fields of all other kinds below that name that say the
same. They are checked as their own kind checks them, and have no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FAMILY = "x-family"
OF = "x-of"
"""On a field: the kind of the family that reads it."""


def add_family(
    name: str, document: Mapping[str, Any], kinds: Iterable[tuple[str, Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """The schema of a kind with the fields that only others of its family read."""
    properties = dict(document["properties"])
    definitions = dict(document.get("$defs", {}))
    for other, theirs in kinds:
        if other == name or theirs.get(FAMILY) != document[FAMILY]:
            continue
        for field, inner in theirs["properties"].items():
            if field not in properties:
                properties[field] = _without_default(inner) | {OF: other}
        definitions = {**theirs.get("$defs", {}), **definitions}
    return {**document, "properties": properties, "$defs": definitions}


def _without_default(inner: Mapping[str, Any]) -> dict[str, Any]:
    """A field that is there only if somebody wrote it."""
    return {key: value for key, value in inner.items() if key not in ("default", "x-only")}
