"""Completion: what may stand at the cursor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from runtime.cli.editor.cursor import Cursor
from runtime.cli.editor.subject import schema_of, subject_of
from runtime.cli.editor.workplace import Application
from runtime.cli.page import OLDER, default_text, page, summary, type_text
from runtime.linking.candidates import fits
from runtime.linking.inspection import inspect
from runtime.linking.location import SourceError, locate
from runtime.manifest.entry import Entry, value_at
from runtime.manifest.scalar import scalar
from runtime.manifest.search import is_searched
from runtime.schema.family import OF
from runtime.schema.field import Field

_MOST_FILES = 200
"""Python files that completion offers at most: each is parsed for its functions."""


class Sort(Enum):
    """The sort of a suggestion, for the editor's symbol."""

    FIELD = "field"
    KIND = "kind"
    ENTRY = "entry"
    VALUE = "value"
    FUNCTION = "function"


class Suggestion(msgspec.Struct, frozen=True):
    """One text that may stand at the cursor in place of the word there."""

    label: str
    sort: Sort
    insert: str
    detail: str = ""
    text: str = ""
    """Documentation in Markdown."""
    is_first: bool = False
    """True if it comes before the others: a required field."""


def complete(cursor: Cursor, application: Application, folder: Path) -> Iterator[Suggestion]:
    """Yield what fits at the cursor, in a manifest in `folder`."""
    subject = subject_of(cursor, application.registry)
    if subject is None:
        return
    if subject.is_key:
        yield from _fields(cursor, subject.field)
    elif subject.in_entry and subject.path == ("kind",):
        yield from _kinds(application)
    elif subject.is_method:
        yield from _methods(cursor, application, folder)
    else:
        yield from _values(subject.field, application, folder)


def describe_field(name: str, field: Field, is_required: bool) -> str:
    """The text on a field in Markdown."""
    kind, default = type_text(field), default_text(field)
    facts = [kind, "required" if is_required else default and f"default: {default}"]
    return f"**{name}**: {', '.join(filter(None, facts))}\n\n{field.description}"


def describe_entry(entry: Entry) -> str:
    """The line on an entry."""
    return f"{entry.as_shown('kind')}, {entry.at('name')}"


def _fields(cursor: Cursor, field: Field) -> Iterator[Suggestion]:
    try:
        present: Any = value_at(cursor.data, cursor.path)
    except LookupError:
        present = {}
    for name, inner in field.properties.items():
        if name in present or OF in inner.schema or OLDER.fullmatch(inner.description):
            continue
        is_required = name in field.required and not inner.may_be_implied
        is_block = bool(inner.properties or inner.types & {"object", "array"})
        insert = name if cursor.has_colon else f"{name}:" if is_block else f"{name}: "
        detail = "required" if is_required else ""
        text = describe_field(name, inner, is_required)
        yield Suggestion(name, Sort.FIELD, insert, detail, text, is_required)


def _kinds(application: Application) -> Iterator[Suggestion]:
    for name in application.registry.names:
        if schema := schema_of(name, application.registry):
            yield Suggestion(name, Sort.KIND, name, summary(schema), page(name, schema))


def _values(field: Field, application: Application, folder: Path) -> Iterator[Suggestion]:
    if field.kinds:
        for entry in application.entries:
            if fits(entry, field.kinds):
                yield Suggestion(str(entry.id), Sort.ENTRY, str(entry.id), describe_entry(entry))
    if field.has_names:
        yield from _choices(field.schema["anyOf"][0].get("enum", ()))
    if field.inline:
        yield from _functions(application, folder)
    elif field.schema.get("x-handler") == "python":
        for source, _ in _sources(application, folder):
            yield Suggestion(source, Sort.FUNCTION, source)
    choices = field.schema.get("enum", ())
    if "boolean" in field.types and not choices:
        choices = (True, False)
    yield from _choices(choices)
    if field.has_default and not choices and isinstance(field.schema["default"], str | int | float):
        default = _written(field.schema["default"])
        yield Suggestion(default, Sort.VALUE, default, "default")


def _choices(choices: Any) -> Iterator[Suggestion]:
    for choice in choices:
        text = _written(choice)
        yield Suggestion(text, Sort.VALUE, text)


def _written(value: Any) -> str:
    """A plain value as a manifest has it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if not isinstance(value, str):
        return str(value)
    with suppress(ValueError):
        if scalar(value) == value and value.strip() == value and ": " not in value:
            return value
    return f'"{value}"'


def _methods(cursor: Cursor, application: Application, folder: Path) -> Iterator[Suggestion]:
    source = (cursor.fields or {}).get("source")
    if isinstance(source, str):
        with suppress(SourceError):
            file = locate(source, folder, application.folder)
            for name in inspect(file).functions if file else ():
                if not name.startswith("_"):
                    yield Suggestion(name, Sort.FUNCTION, name)


def _functions(application: Application, folder: Path) -> Iterator[Suggestion]:
    for source, file in _sources(application, folder):
        for name in inspect(file).functions:
            if not name.startswith(("_", "test_")):
                text = f"{source}#{name}"
                yield Suggestion(text, Sort.FUNCTION, text)


def _sources(application: Application, folder: Path) -> Iterator[tuple[str, Path]]:
    """The Python files in the folder of the manifest and below, as `source` names them."""
    count = 0
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if is_searched(here, name))
        for name in sorted(files):
            path = Path(here, name)
            if path.suffix != ".py" or name.startswith(("test_", "conftest", "__")):
                continue
            source = f"file://{path.relative_to(folder).as_posix()}"
            with suppress(SourceError):
                if locate(source, folder, application.folder):
                    yield source, path
                    count += 1
            if count >= _MOST_FILES:
                return
