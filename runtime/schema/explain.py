"""Explanation: validation errors of jsonschema in the words of the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from runtime.findings.disclosure import OVERRIDDEN, Disclosure
from runtime.findings.finding import Path, Problem
from runtime.findings.suggestion import nearest
from runtime.schema.field import Field
from runtime.schema.validator import python_pattern

MAX_PROBLEMS = 200
"""Most problems reported for one value."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_TYPE_NAMES: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    type(None): "empty",
}
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_UNITS = {"duration": "s", "size": "B", "rate": "/s"}
_LONGEST_TEXT = 60


def explain(
    document: Mapping[str, Any], field: Field, value: Any, disclosure: Disclosure
) -> list[Problem]:
    """List the problems of `value` under the schema `document`, whose fields are `field`.

    `disclosure` says which parts of the value may be printed.
    """
    errors = _Validator(document).iter_errors(value)
    problems: dict[object, Problem] = {}
    for error in islice(errors, MAX_PROBLEMS):
        for problem in _problems(error, field, disclosure):
            # one problem per value: an empty text is too short, and malformed too
            problems.setdefault((problem.path, problem.at_key and problem.message), problem)
    found = [*problems.values()]
    if next(errors, None) is not None:
        found.append(Problem((), f"too many problems; only the first {MAX_PROBLEMS} are shown"))
    return found


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.search(python_pattern(pattern), value):
        yield ValidationError("malformed")


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


def _problems(error: ValidationError, root: Field, disclosure: Disclosure) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    field = root.at(path) or Field({}, {})
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            for key in instance:
                if key not in field.properties:
                    shown = None if disclosure.hides_key((*path, key)) else key
                    yield _unknown(path, key, instance, field, shown)
        case "required":
            # There is one error for each absent key, and its message begins with the key.
            required: Any = error.validator_value
            absent = [key for key in required if key not in instance]
            key = next((key for key in absent if error.message.startswith(repr(key))), absent[0])
            yield from _missing(path, key, instance, root, disclosure)
        case _:
            complaint, hint = _complaint(error, field, disclosure.is_literal(path))
            subject = f"'{_name(path, root, disclosure)}'" if path else "the file"
            subject += f" is {_found(instance, path, disclosure)}"
            # no hint is drawn from a secret
            yield Problem(path, subject + complaint, None if path in disclosure.hidden else hint)


def _found(value: Any, path: Path, disclosure: Disclosure) -> str:
    """A value as findings print it, or only its type, and the placeholder it came from."""
    if disclosure.is_overridden(path):
        return "empty" if value in (None, "") else _TYPE_NAMES.get(type(value), "a number")
    hidden = disclosure.hidden.get(path)
    if hidden is not None:
        return f"'{_shortened(hidden)}'"
    placeholder = disclosure.placeholders.get(path)
    return _display(value) + (f" ({_shortened(placeholder)})" if placeholder else "")


def _unknown(
    path: Path, key: str, instance: Mapping[str, Any], field: Field, shown: str | None
) -> Problem:
    """A field that the schema does not know; `shown` is its name, None if that is hidden."""
    similar = _similar(key, instance, field)
    hint = f"did you mean '{similar}'?" if similar else None
    if homes := [*_homes(key, field)] or ([] if hint else [*_homes_below(key, field)]):
        hint = "it belongs under " + " or ".join(f"'{home}'" for home in homes)
    if hint is None and key == "lifecycle":
        hint = "an entry of this kind does not run by itself"
    if hint is None and field.properties:
        unused = ", ".join(name for name in field.properties if name not in instance)
        hint = f"available fields: {unused}" if unused and len(unused) <= 80 else None
    message = "an unknown field in it" if shown is None else f"unknown field '{shown}'"
    return Problem((*path, key), message, hint, at_key=True)


def _homes(key: str, field: Field) -> Iterator[str]:
    """The fields that have one of this name."""
    return (name for name, inner in field.properties.items() if key in inner.properties)


def _homes_below(key: str, field: Field) -> Iterator[str]:
    """The fields within fields that have one of this name, such as `driver_options.sql`."""
    for name, inner in field.properties.items():
        yield from (f"{name}.{home}" for home in _homes(key, inner))


def _missing(
    path: Path, key: str, instance: Mapping[str, Any], root: Field, disclosure: Disclosure
) -> Iterator[Problem]:
    field = root.at(path) or Field({}, {})
    for other in instance:
        # 0.7: at the usual 0.6, `index` would pass for a misspelt `kind`
        if other not in field.properties and nearest(other, [key], 0.7):
            shown = None if disclosure.hides_key((*path, other)) else other
            yield _unknown(path, other, instance, field, shown)  # not missing, but misspelt
            return
    name = _name(path, root, disclosure)
    parent = f" in '{name}'" if path and isinstance(path[-1], str) else ""
    yield Problem((*path, key), f"missing field '{key}'{parent}", at_key=True)


def _similar(key: str, instance: Mapping[str, Any], field: Field) -> str | None:
    """The field that a misspelt key most likely stands for; fields not yet set come first."""
    absent = [name for name in field.properties if name not in instance]
    return nearest(key, absent) or nearest(key, field.properties)


def _complaint(error: ValidationError, field: Field, is_literal: bool) -> tuple[str, str | None]:
    """The end of the sentence that begins with the value, and a hint.

    Only for a value that stands in the manifest as it is does the hint say how to correct that.
    """
    value: Any = error.instance
    limit: Any = error.validator_value
    expected, _, hint = (field.expected or "").partition("; ")
    match error.validator:
        case "type" if expected:
            corrected = _with_unit(value, field) if is_literal else None
            return f", not {expected}", corrected or hint or None
        case "type":
            types = [limit] if isinstance(limit, str) else list(limit)
            words = " or ".join(_TYPES.get(name, name) for name in types)
            return f", not {words}", _retyped(value, types) if is_literal else None
        case "minLength" if limit == 1:
            return ", but must not be empty", hint or None
        case "pattern":
            if is_literal and expected.startswith("a path") and not value.startswith("/"):
                hint = f"write '/{value}'"
            return f", not {expected}" if expected else ", which is malformed", hint or None
        case "enum":
            return _not_one_of(value, limit)
        case "minimum":
            return f", less than {limit}", f"write at least {limit}"
        case "maximum":
            return f", more than {limit}", f"write at most {limit}"
        case "uniqueItems":
            return " with duplicate items", "remove one of them"
        case _:
            expected = expected or field.description or str(error.validator)
            return f", not {expected}", hint or None


def _not_one_of(value: Any, choices: Any) -> tuple[str, str | None]:
    words = {str(choice).lower(): _word(choice) for choice in reversed(choices)}
    known = [*reversed(words.values())]
    similar = nearest(value, known) if isinstance(value, str) else None
    return f", not one of {', '.join(known)}", f"did you mean '{similar}'?" if similar else None


def _word(choice: Any) -> str:
    return _display(choice).strip("'")


def _retyped(value: Any, types: list[str]) -> str | None:
    """A hint for a value that is right but for its type."""
    if isinstance(value, str):
        if "boolean" in types and value.lower() in _BOOLEAN_WORDS:
            return f"write {_BOOLEAN_WORDS[value.lower()]}"
        if {"integer", "number"} & set(types) and value.lstrip("-").isdecimal():
            return "remove the quotes"
        if "array" in types and len(value) <= _LONGEST_TEXT:
            return f"write [{value}]"
    elif "string" in types and isinstance(value, bool | int | float):
        return "quote it to make it text"
    return None


def _with_unit(value: Any, field: Field) -> str | None:
    """A hint for a number that lacks its unit."""
    unit = _UNITS.get(field.schema.get("x-type", ""))
    if unit and isinstance(value, int | float) and not isinstance(value, bool):
        return f"write {_display(value)}{unit}"
    return None


def _name(path: Path, root: Field, disclosure: Disclosure) -> str:
    """A field as findings name it. Keys of an override's value are named if the schema has them."""
    text = ""
    for index, step in enumerate(path):
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        upto = path[: index + 1]
        shown = OVERRIDDEN if disclosure.hides_key(upto) and root.at(upto) is None else step
        text += f".{shown}" if text else shown
    return text


def _display(value: Any) -> str:
    """A value as a manifest would write it, shortened; mappings and lists by type only."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"'{_shortened(value)}'"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
