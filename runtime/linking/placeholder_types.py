"""Placeholder types: a value that is one placeholder takes the type of its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.findings.finding import Path, Problem
from runtime.manifest.entry import Entry, value_at
from runtime.manifest.interpolation import is_placeholder
from runtime.manifest.scalar import scalar
from runtime.manifest.typed import typed
from runtime.schema.field import Field
from runtime.schema.schema import Schema


def whole_placeholders(entry: Entry) -> dict[Path, str]:
    """The text of each value of an entry that is one placeholder, by its path."""
    return {
        path: entry.value(path)
        for path, text in entry.disclosure.placeholders.items()
        if is_placeholder(text) and path not in entry.unfilled
    }


def problems_of(entry: Entry, schema: Schema, whole: Mapping[Path, str]) -> list[Problem]:
    """Convert the values of `entry` that are `whole` placeholders, and list all its problems."""
    for path, text in whole.items():
        is_variable = entry.disclosure.placeholders[path].startswith("${env:")
        value_at(entry.fields, path[:-1])[path[-1]] = _retyped(
            text, schema.field.at(path), is_variable
        )
    return schema.problems(entry.fields, entry.disclosure)


def _retyped(text: str, field: Field | None, is_variable: bool) -> Any:
    """The value of a placeholder with the type of its field.

    Where the schema leaves the type open, a variable takes the one that YAML gives it. A secret
    stays text there: `1e5` may be a password.
    """
    types = field.types if field is not None else ()
    choices = field.schema.get("enum") if field is not None else None
    if "string" in types or (choices is not None and text in choices):
        return text
    if not types and choices is None:
        return typed(text) if is_variable else text
    try:
        return scalar(text)
    except ValueError:
        return text  # it fails validation with what was expected
