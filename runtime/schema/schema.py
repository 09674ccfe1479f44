"""Schema: the JSON Schema of a kind, which alone decides what an entry may contain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from runtime.findings.disclosure import OPEN, Disclosure
from runtime.findings.finding import Problem
from runtime.schema.field import Field
from runtime.schema.validator import compile_validator

_PACKAGE = FilePath(__file__).parents[1]
FOLDER = next(
    folder
    for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")
    if (folder / "entry.schema.json").exists()
)
"""Folder of the schemas: inside the package in a wheel, beside it in a checkout."""


class Schema:
    """One schema: `problems` validates a value, `field` is the tree of its fields."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.document: Mapping[str, Any] = bundle(schema)
        self.field = Field(self.document, self.document.get("$defs", {}))
        self._is_valid = compile_validator(self.document, self.document.get("$defs", {}))

    def problems(self, value: Any, disclosure: Disclosure = OPEN) -> list[Problem]:
        """List every problem of `value`, in no particular order; empty if it is valid.

        `disclosure` says which parts of the value may be printed.
        A valid value costs a few microseconds; only for others is jsonschema loaded and run.
        """
        if self._is_valid(value):
            return []
        from runtime.schema.explain import explain  # takes 48 ms

        return explain(self.document, self.field, value, disclosure)


def bundle(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with the shared definitions included, so that it needs no other file."""
    definitions = {**_shared()["$defs"], **schema.get("$defs", {})}
    bundled: dict[str, Any] = _localise({**schema, "$defs": definitions})
    bundled.pop("$id", None)
    return bundled


def _localise(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#{value.rpartition('#')[2]}" if key == "$ref" else _localise(value)
            for key, value in node.items()
        }
    return [_localise(item) for item in node] if isinstance(node, list) else node


@cache
def envelope_schema() -> Schema:
    """Schema of a whole manifest file; its entries are validated by the schemas of their kinds."""
    return Schema(load(FOLDER / "manifest.schema.json"))


@cache
def kind_schema(name: str) -> Schema:
    """Schema of a built-in kind. Raises FileNotFoundError for any other."""
    return Schema(load(FOLDER / "kinds" / f"{name}.schema.json"))


@cache
def _shared() -> Mapping[str, Any]:
    return load(FOLDER / "entry.schema.json")


def load(path: FilePath) -> dict[str, Any]:
    """Read a JSON object from a file."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
