"""Complaint: what jsonschema found wrong, in the words of the manifest."""

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
"""More than so many problems of one value are not told."""

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
_UNITS = {"duration": "s", "size": "B"}


def complaints(
    document: Mapping[str, Any], field: Field, value: Any, written: Mapping[Path, str]
) -> list[Problem]:
    """What is wrong with `value` by the schema `document`, whose fields are `field`.

    `written` holds what was typed at paths whose value came from the environment: it is shown in
    place of the value, and no hint is drawn from the value.
    """
    errors = _Validator(document).iter_errors(value)
    told: dict[object, Problem] = {}
    for error in islice(errors, MAX_PROBLEMS):
        for problem in _problems(error, field, written):
            # one fault a value: an empty text is told as that, and not as a malformed one too
            told.setdefault((problem.path, problem.at_key and problem.message), problem)
    more = [] if next(errors, None) is None else [Problem((), "this has more faults than are told")]
    return [*told.values(), *more]


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.search(python_pattern(pattern), value):
        yield ValidationError("malformed")


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


def _problems(
    error: ValidationError, root: Field, written: Mapping[Path, str]
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
            # There is one error for each absent key, and its message names the key first.
            wanted: Any = error.validator_value
            absent = [key for key in wanted if key not in instance]
            key = next((key for key in absent if error.message.startswith(repr(key))), absent[0])
            yield from _missing(path, key, instance, field)
        case _:
            shown = _shown(instance, written.get(path))
            said, hint = _wanted(error, field)
            subject = f"'{_name(path)}' is {shown}" if path else f"the file is {shown}"
            yield Problem(path, f"{subject}{said}", None if path in written else hint)


def _unknown(path: Path, key: str, instance: Mapping[str, Any], field: Field) -> Problem:
    meant = _meant(key, instance, field)
    hint = f"did you mean '{meant}'?" if meant else None
    for name, inner in field.properties.items():
        if key in inner.properties:
            hint = f"it belongs under '{name}'"
    if hint is None and key == "lifecycle":
        hint = "an entry of this kind does not run by itself"
    if hint is None and field.properties:
        known = ", ".join(name for name in field.properties if name not in instance)
        hint = f"there is still {known}" if known and len(known) <= 80 else None
    return Problem((*path, key), f"unknown field '{key}'", hint, at_key=True)


def _missing(path: Path, key: str, instance: Mapping[str, Any], field: Field) -> Iterator[Problem]:
    for other in instance:
        # an `index` is not a `kind`, although half of it is
        if other not in field.properties and nearest(other, [key], 0.7):
            yield _unknown(path, other, instance, field)  # it is there, misspelt
            return
    inside = f" in '{_name(path)}'" if path and isinstance(path[-1], str) else ""
    yield Problem(path, f"missing field '{key}'{inside}", at_key=True)


def _meant(key: str, instance: Mapping[str, Any], field: Field) -> str | None:
    """The field that a key was probably meant to be: rather one that is not there yet."""
    absent = [name for name in field.properties if name not in instance]
    return nearest(key, absent) or nearest(key, field.properties)


def _wanted(error: ValidationError, field: Field) -> tuple[str, str | None]:
    """What should have been there, and how to mend it."""
    value: Any = error.instance
    limit: Any = error.validator_value
    says, _, mend = (field.says or "").partition("; ")
    match error.validator:
        case "type" if says:
            return f", not {says}", _with_unit(value, field) or mend or None
        case "type":
            types = [limit] if isinstance(limit, str) else list(limit)
            words = " or ".join(_TYPES.get(name, name) for name in types)
            return f", not {words}", _retyped(value, types)
        case "minLength" if limit == 1:
            return ", which says nothing", mend or None
        case "pattern":
            slash = says.startswith("a path") and not value.startswith("/")
            hint = f"write '/{value}'" if slash else mend or None
            return f", not {says}" if says else ", which is malformed", hint
        case "enum":
            return _not_one_of(value, limit)
        case "minimum":
            return f", less than {limit}", f"write at least {limit}"
        case "maximum":
            return f", more than {limit}", f"write at most {limit}"
        case "uniqueItems":
            return ", which names something twice", "remove one of them"
        case _:
            says = says or field.description or str(error.validator)
            return f", not {says}", mend or None


def _not_one_of(value: Any, choices: Any) -> tuple[str, str | None]:
    known = {_shown(choice, None).strip("'").lower(): choice for choice in reversed(choices)}
    words = [_shown(choice, None).strip("'") for choice in reversed(known.values())]
    meant = nearest(value, words) if isinstance(value, str) else None
    return f", not one of {', '.join(words)}", f"did you mean '{meant}'?" if meant else None


def _retyped(value: Any, types: list[str]) -> str | None:
    """How a value of the wrong type was probably meant."""
    if isinstance(value, str):
        if "boolean" in types and value.lower() in _TRUE_WORDS:
            return f"write {_TRUE_WORDS[value.lower()]}"
        if {"integer", "number"} & set(types) and value.lstrip("-").isdecimal():
            return "remove the quotes"
        if "array" in types and len(value) <= 60:
            return f"write [{value}]"
    elif "string" in types and isinstance(value, bool | int | float):
        return "quote it to make it text"
    return None


def _with_unit(value: Any, field: Field) -> str | None:
    unit = _UNITS.get(field.schema.get("x-type", ""))
    if unit and isinstance(value, int | float) and not isinstance(value, bool):
        return f"write {_shown(value, None)}{unit}"
    return None


def _name(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shown(value: Any, written: str | None) -> str:
    """A value as a manifest would write it, or what was typed in its stead."""
    match written if written is not None else value:
        case None:
            return "empty"
        case bool() as truth:
            return str(truth).lower()
        case str() as text:
            return f"'{text}'" if len(text) <= 60 else f"'{text[:60]}…'"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case number:
            text = str(number)
            return text if len(text) <= 60 else f"{text[:60]}…"
