"""Explanation: validation errors of jsonschema in the words of the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

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
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_UNITS = {"duration": "s", "size": "B"}
_LONGEST_TEXT = 60


def explain(
    document: Mapping[str, Any], field: Field, value: Any, placeholders: Mapping[Path, str]
) -> list[Problem]:
    """List the problems of `value` under the schema `document`, whose fields are `field`.

    `placeholders` holds the original text of values that came from the environment: it is shown
    in their place, and such a value gives no hint.
    """
    errors = _Validator(document).iter_errors(value)
    problems: dict[object, Problem] = {}
    for error in islice(errors, MAX_PROBLEMS):
        for problem in _problems(error, field, placeholders):
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


def _problems(
    error: ValidationError, root: Field, placeholders: Mapping[Path, str]
) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    field = root.at(path) or Field({}, {})
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            for key in instance:
                if key not in field.properties:
                    yield _unknown(path, key, instance, field)
        case "required":
            # There is one error for each absent key, and its message begins with the key.
            required: Any = error.validator_value
            absent = [key for key in required if key not in instance]
            key = next((key for key in absent if error.message.startswith(repr(key))), absent[0])
            yield from _missing(path, key, instance, field)
        case _:
            placeholder = placeholders.get(path)
            complaint, hint = _complaint(error, field)
            found = _display(instance if placeholder is None else placeholder)
            subject = f"'{_name(path)}' is {found}" if path else f"the file is {found}"
            yield Problem(path, subject + complaint, hint if placeholder is None else None)


def _unknown(path: Path, key: str, instance: Mapping[str, Any], field: Field) -> Problem:
    similar = _similar(key, instance, field)
    hint = f"did you mean '{similar}'?" if similar else None
    for name, inner in field.properties.items():
        if key in inner.properties:
            hint = f"it belongs under '{name}'"
    if hint is None and key == "lifecycle":
        hint = "an entry of this kind does not run by itself"
    if hint is None and field.properties:
        unused = ", ".join(name for name in field.properties if name not in instance)
        hint = f"available fields: {unused}" if unused and len(unused) <= 80 else None
    return Problem((*path, key), f"unknown field '{key}'", hint, at_key=True)


def _missing(path: Path, key: str, instance: Mapping[str, Any], field: Field) -> Iterator[Problem]:
    for other in instance:
        # 0.7: at the usual 0.6, `index` would pass for a misspelt `kind`
        if other not in field.properties and nearest(other, [key], 0.7):
            yield _unknown(path, other, instance, field)  # not missing, but misspelt
            return
    parent = f" in '{_name(path)}'" if path and isinstance(path[-1], str) else ""
    yield Problem(path, f"missing field '{key}'{parent}", at_key=True)


def _similar(key: str, instance: Mapping[str, Any], field: Field) -> str | None:
    """The field that a misspelt key most likely stands for; fields not yet set come first."""
    absent = [name for name in field.properties if name not in instance]
    return nearest(key, absent) or nearest(key, field.properties)


def _complaint(error: ValidationError, field: Field) -> tuple[str, str | None]:
    """The end of the sentence that begins with the value, and a hint."""
    value: Any = error.instance
    limit: Any = error.validator_value
    expected, _, hint = (field.expected or "").partition("; ")
    match error.validator:
        case "type" if expected:
            return f", not {expected}", _with_unit(value, field) or hint or None
        case "type":
            types = [limit] if isinstance(limit, str) else list(limit)
            words = " or ".join(_TYPES.get(name, name) for name in types)
            return f", not {words}", _retyped(value, types)
        case "minLength" if limit == 1:
            return ", but must not be empty", hint or None
        case "pattern":
            if expected.startswith("a path") and not value.startswith("/"):
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


def _name(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
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
