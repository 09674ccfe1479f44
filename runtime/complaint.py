"""Complaint: what jsonschema found wrong, in the words of the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from runtime.finding import Path, Problem
from runtime.suggestion import near

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_TRUE_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def problems(error: ValidationError, written: Mapping[Path, str]) -> Iterator[Problem]:
    """The problems that one error of jsonschema stands for.

    `written` holds what was typed at paths whose value came from the environment: it is shown in
    place of the value.
    """
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    instance: Any = error.instance
    name = _name(path)
    match error.validator:
        case "additionalProperties":
            known = schema.get("properties", {})
            absent = [key for key in known if key not in instance]
            for key in instance:
                if key not in known:
                    hint = near(key, absent) or near(key, known) or _place_of(key, schema)
                    yield Problem((*path, key), f"unknown field '{key}'", hint, at_key=True)
        case "required":
            required: Any = error.validator_value
            absent = [key for key in required if key not in instance]
            # jsonschema raises one error for each absent key; its message names the key first
            key = next((key for key in absent if error.message.startswith(repr(key))), absent[0])
            inside = f" in '{name}'" if path and isinstance(path[-1], str) else ""
            yield Problem(path, f"missing field '{key}'{inside}", at_key=True)
        case _:
            found = _shown(instance, written.get(path))
            wanted, hint = _wanted(error, schema)
            subject = f"'{name}' is {found}" if path else f"the file is {found}"
            yield Problem(path, f"{subject}{wanted}", hint)


def _wanted(error: ValidationError, schema: Mapping[str, Any]) -> tuple[str, str | None]:
    value: Any = error.instance
    limit: Any = error.validator_value
    says, _, mend = schema.get("x-says", "").partition("; ")
    match error.validator:
        case "type" if says:
            return f", not {says}", _duration_of(value, schema) or mend or None
        case "type":
            types = [limit] if isinstance(limit, str) else limit
            words = " or ".join(_TYPES.get(name, name) for name in types)
            return f", not {words}", _retype(value, types)
        case "pattern":
            return (f", not {says}" if says else ", which is malformed"), mend or None
        case "enum":
            known = [str(item) for item in dict.fromkeys(map(str, limit))]
            listed = f", not one of {', '.join(known)}"
            return listed, near(value, known) if isinstance(value, str) else None
        case "minimum":
            return f", less than {limit}", None
        case "maximum":
            return f", more than {limit}", None
        case "exclusiveMinimum":
            return f", not more than {limit}", None
        case "minItems":
            return ", which has too few items", f"list at least {limit}"
        case "maxItems":
            return ", which has too many items", f"list at most {limit}"
        case "minLength":
            return ", which is too short", None
        case "uniqueItems":
            return ", which names something twice", None
        case _:
            if says:
                return f", not {says}", mend or None
            return f", which does not fit: {schema.get('description', error.validator)}", None


def _retype(value: Any, types: list[str]) -> str | None:
    """How a value of the wrong type was probably meant."""
    if isinstance(value, str):
        if "boolean" in types and value.lower() in _TRUE_WORDS:
            return f"write {_TRUE_WORDS[value.lower()]}"
        if {"integer", "number"} & set(types) and value.lstrip("-").isdecimal():
            return "remove the quotes"
        if "array" in types:
            return f"write [{value}]"
    elif "string" in types and isinstance(value, bool | int | float):
        return "quote it to make it text"
    return None


def _duration_of(value: Any, schema: Mapping[str, Any]) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = {"duration": "s", "size": "B"}.get(schema.get("x-type", ""))
        return f"did you mean {value}{unit}?" if unit else None
    return None


def _place_of(key: str, schema: Mapping[str, Any]) -> str | None:
    """Where an unknown field may stand, if it is one that belongs a level deeper."""
    for name, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict) and key in inner.get("properties", {}):
            return f"it belongs under '{name}'"
    if key == "lifecycle":
        return "an entry of this kind does not run by itself"
    return None


def _name(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shown(value: Any, written: str | None) -> str:
    if written is not None:
        return f"'{written}'"
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}'" if len(value) <= 60 else f"'{value[:60]}…'"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)
