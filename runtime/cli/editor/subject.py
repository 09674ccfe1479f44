"""Subject: the field of the schema that the cursor is at."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from runtime.cli.editor.cursor import Cursor
from runtime.findings.finding import Path
from runtime.linking.link import has_handler
from runtime.registry import BrokenKind, Registry, UnknownKind
from runtime.schema.field import Field
from runtime.schema.schema import Schema, envelope_schema


class Subject(msgspec.Struct, frozen=True):
    """The field whose value the cursor is in; or the mapping in which it is at a key."""

    field: Field
    is_key: bool
    path: Path
    """Path of that field in its entry, or in the document if it is in none."""
    in_entry: bool
    names_handler: bool = False
    """True in an entry whose `source` and `method` name a Python function."""

    @property
    def is_method(self) -> bool:
        """True for the name of a function."""
        return self.names_handler and self.path == ("method",)


def subject_of(cursor: Cursor, registry: Registry) -> Subject | None:
    """Find the field of a cursor; None where the schema has none."""
    fields = cursor.fields
    if fields is None:
        root, path = envelope_schema().field, cursor.path
    else:
        schema = schema_of(fields.get("kind"), registry)
        generic = envelope_schema().field.at(("entries", 0))
        root_of_entry = schema.field if schema else generic
        if root_of_entry is None:
            return None
        root, path = root_of_entry, cursor.inside
    field = root.at(path)
    if field is None:
        return None
    # `- ` may begin a mapping or a text; the schema knows which
    is_key = cursor.is_key and (bool(field.properties) or cursor.has_colon)
    in_entry = fields is not None
    return Subject(field, is_key, path, in_entry, in_entry and has_handler(root))


def schema_of(kind: object, registry: Registry) -> Schema | None:
    """The schema of a kind, if there is such a kind."""
    if isinstance(kind, str):
        with suppress(UnknownKind, BrokenKind):
            return registry.expanded_schema(kind)
    return None
