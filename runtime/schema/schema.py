"""Schema: the JSON Schema of a kind, read from `schemas/`, which decides what an entry may say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from runtime.findings.finding import Path, Problem
from runtime.schema.field import Field
from runtime.schema.validator import compiled

_PACKAGE = FilePath(__file__).parents[1]
FOLDER = next(
    folder
    for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")
    if (folder / "entry.schema.json").exists()
)
"""`schemas/`: inside the package in a wheel, beside it in a checkout."""


class Schema:
    """One schema: `problems` checks a value, `field` tells what it says of each part of it."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.document: Mapping[str, Any] = bundle(schema)
        self.field = Field(self.document, self.document.get("$defs", {}))
        self._is_valid = compiled(self.document, self.document.get("$defs", {}))

    def problems(self, value: Any, written: Mapping[Path, str]) -> list[Problem]:
        """Everything that is wrong with `value`, in no special order.

        A valid value costs a few microseconds: it is only asked whether it is valid. What is wrong
        with another one is found by jsonschema, which is slower to load and to run.
        """
        if self._is_valid(value):
            return []
        from runtime.schema.explain import complaints  # 48 ms, and only a faulty manifest needs it

        return complaints(self.document, self.field, value, written)


def bundle(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with the shared definitions inside it, so that it stands alone."""
    definitions = {**_shared()["$defs"], **schema.get("$defs", {})}
    bundled: dict[str, Any] = _localised({**schema, "$defs": definitions})
    bundled.pop("$id", None)
    return bundled


def _localised(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#{value.rpartition('#')[2]}" if key == "$ref" else _localised(value)
            for key, value in node.items()
        }
    return [_localised(item) for item in node] if isinstance(node, list) else node


@cache
def envelope_schema() -> Schema:
    """What a whole manifest file must look like; its entries are checked by their kinds."""
    return Schema(load(FOLDER / "manifest.schema.json"))


@cache
def kind_schema(name: str) -> Schema:
    """The schema of a built-in kind."""
    return Schema(load(FOLDER / "kinds" / f"{name}.schema.json"))


@cache
def _shared() -> Mapping[str, Any]:
    return load(FOLDER / "entry.schema.json")


def load(path: FilePath) -> dict[str, Any]:
    """The JSON object in a file."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
