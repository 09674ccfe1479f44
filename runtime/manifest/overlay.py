"""Overlay: `-f prod.yaml`, the fields of entries that differ in one environment, by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runtime.entry_id import NAME, EntryId
from runtime.findings.finding import Finding, Path
from runtime.findings.suggestion import did_you_mean
from runtime.manifest.document import Document
from runtime.manifest.entry import Entry
from runtime.manifest.origin import InDocument, Origin

_FORM = "write 'namespace:name' and below it the fields to change"


def apply(
    document: Document, entries: Mapping[EntryId, Entry], complete: bool
) -> Iterator[Finding]:
    """Merge the fields of a document into the entries that it names.

    Mappings are merged key by key, any other value is replaced, and null removes what is there.
    Yields a finding for each id and name that cannot be; for an id that no entry has only if the
    entries are `complete`.
    """
    data = document.data
    if data is None:
        return  # nothing but comments
    if not isinstance(data, dict):
        yield Finding(document.at(()), "not a mapping of ids to fields", _FORM)
        return
    if isinstance(data.get("entries"), list):
        yield Finding(document.key_at(("entries",)), "this file is a manifest", _FORM)
        return
    for text, fields in data.items():
        namespace, _, name = text.partition(":")
        entry = entries.get(EntryId(namespace, name))
        if not (NAME.fullmatch(namespace) and NAME.fullmatch(name)):
            meant = next((f"write '{id}'" for id in entries if id.name == text), _FORM)
            yield Finding(document.key_at((text,)), f"'{text}' is not an id", meant)
        elif entry is None:
            if complete:
                hint = did_you_mean(text, map(str, entries))
                yield Finding(document.key_at((text,)), f"no entry '{text}'", hint)
        elif not isinstance(fields, dict):
            message = f"'{text}' has no fields here; an entry cannot be replaced or removed"
            yield Finding(document.at((text,)), message, _FORM)
        elif "name" in fields:
            message = f"this would rename '{text}'; only its other fields can change"
            yield Finding(document.key_at((text, "name")), message)
        else:
            changed: dict[Path, Origin] = {}
            _merge(entry.fields, fields, (), InDocument(document, (text,)), changed)
            entry.override(changed)


def _merge(
    target: dict[str, Any],
    changes: Mapping[str, Any],
    path: Path,
    origin: InDocument,
    changed: dict[Path, Origin],
) -> None:
    """Merge `changes` into `target`, and collect where each value that is set came from."""
    for name, value in changes.items():
        here = (*path, name)
        place = InDocument(origin.document, (*origin.path, name))
        if value is None:
            target.pop(name, None)
            changed[here] = place
        elif isinstance(value, dict):
            if not isinstance(target.get(name), dict):
                target[name] = {}
                changed[here] = place
            _merge(target[name], value, here, place, changed)
        else:
            target[name] = value
            changed[here] = place
