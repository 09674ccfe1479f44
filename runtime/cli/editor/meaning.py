"""Meaning: the page of what is at the cursor, where that is declared, and who refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runtime.cli.editor.completion import describe_entry, describe_field
from runtime.cli.editor.cursor import Cursor
from runtime.cli.editor.subject import Subject, schema_of, subject_of
from runtime.cli.editor.workplace import Application
from runtime.cli.page import page
from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.linking.code.reader import CodeReader
from runtime.linking.handler_check import DEFAULT_METHOD
from runtime.linking.inspection import inspect, position
from runtime.linking.location import SourceError, locate
from runtime.manifest.entry import Entry


def explain(cursor: Cursor, application: Application) -> str | None:
    """The page of the kind, the text on the field, or the entry, in Markdown."""
    subject = subject_of(cursor, application.registry)
    if subject is None or not cursor.word:
        return None
    fields = cursor.fields
    if subject.is_key:
        if (inner := subject.field.properties.get(cursor.word)) is None:
            return None
        if fields is not None and not cursor.inside and cursor.word == "kind":
            return _kind_page(fields.get("kind"), application)
        return describe_field(cursor.word, inner, cursor.word in subject.field.required)
    if subject.in_entry and subject.path == ("kind",):
        return _kind_page(cursor.word, application)
    if entry := _named(cursor, subject, application):
        return f"**{entry.id}**: {describe_entry(entry)}"
    name = next((step for step in reversed(subject.path) if isinstance(step, str)), "")
    return describe_field(name, subject.field, False) if name else None


def definition(cursor: Cursor, application: Application, folder: Path) -> Position | None:
    """The place of the entry or the function that is named at the cursor."""
    subject = subject_of(cursor, application.registry)
    if subject is None or subject.is_key or not subject.in_entry:
        return None
    fields = cursor.fields or {}
    if subject.field.inline and "://" in cursor.word:
        source, _, method = cursor.word.partition("#")
        return _function(source, method or DEFAULT_METHOD, application, folder)
    if subject.names_handler and subject.path in (("source",), ("method",)):
        source, method = fields.get("source", ""), fields.get("method", DEFAULT_METHOD)
        return _function(str(source), str(method), application, folder)
    entry = _named(cursor, subject, application)
    return entry.at("name") if entry else None


def references(cursor: Cursor, application: Application) -> Iterator[Position]:
    """The places in manifests that name the entry at the cursor, or the one declared there."""
    subject = subject_of(cursor, application.registry)
    if subject is None or subject.is_key or not subject.in_entry:
        return
    if subject.path == ("name",):
        wanted = EntryId(cursor.namespace, cursor.word)
    elif entry := _named(cursor, subject, application):
        wanted = entry.id
    else:
        return
    for entry in application.entries:
        if schema := schema_of(entry.kind, application.registry):
            for each in schema.field.references(entry.fields):
                if EntryId.parse(each.text, entry.id.namespace) == wanted and (
                    each.path not in entry.implied
                ):
                    yield entry.at(*each.path)


def _kind_page(kind: object, application: Application) -> str | None:
    schema = schema_of(kind, application.registry)
    return page(str(kind), schema) if schema else None


def _named(cursor: Cursor, subject: Subject, application: Application) -> Entry | None:
    """The entry that the value at the cursor names."""
    if not subject.field.is_reference(cursor.word):
        return None
    id = EntryId.parse(cursor.word, cursor.namespace)
    return next((entry for entry in application.entries if entry.id == id), None)


def _function(source: str, method: str, application: Application, folder: Path) -> Position | None:
    """The line of a function, also if its file imports it from another; else that of the file."""
    file = None
    with suppress(SourceError):
        file = locate(source, folder, application.folder)
    if file is None:
        return None
    own = CodeReader(application.folder, lambda path: inspect(path).tree).own(file, method)
    if own is None:
        return position(file, 1, 1)
    code, function = own
    return position(code.path, function.lineno, function.col_offset + 1)
