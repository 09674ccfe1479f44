"""Catalog: the linked manifest as management shows it, without anything that may be a secret."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

from runtime.engines.management.catalog import Catalog, EntryRecord, Reference
from runtime.findings.display import display_path
from runtime.findings.finding import Path as FieldPath
from runtime.linking.link import Link
from runtime.linking.linker import LinkedManifest
from runtime.log.redaction import Redactor
from runtime.manifest.document import Document

HIDDEN = "***"
_PASSWORD = re.compile(r"(://[^/?#@\s:]*:)(?!\$\{)[^/?#@\s]+(?=@)")
_NAME = r"\w*(?:password|passwd|secret|token|api_?key|credential)s?"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_SECRET = re.compile(
    rf"""^(?P<before>(?:.*[\s{{,'"])?{_NAME}['"]?\s*:\s+)(?!['"]?\$\{{)\S.*$""", re.IGNORECASE
)
"""A line that gives a value which is named like a secret, and is no placeholder."""
_LONGEST = 200
"""Lines of an entry that are shown."""


def catalog(linked: LinkedManifest) -> Catalog:
    """All entries with their lines. Takes milliseconds for each hundred, the first time."""
    redactor = Redactor()
    redactor.hide(linked.manifest.secrets)
    sheets: dict[str, _Sheet] = {}
    for link in linked.links.values():
        document = link.entry.document
        if document.path not in sheets:
            sheets[document.path] = _Sheet(document.text.splitlines(), [])
        sheets[document.path].firsts.append(_first(link))
    for sheet in sheets.values():
        sheet.firsts.sort()
    entries = {
        str(id): _record(link, linked.manifest.folder, sheets[link.entry.document.path], redactor)
        for id, link in linked.links.items()
    }
    references = tuple(each for link in linked.links.values() for each in _references(link))
    return Catalog(display_path(linked.manifest.folder), entries, references)


class _Sheet(NamedTuple):
    """A file of the manifest. To split it for each entry took a second for 3,000 of them."""

    lines: list[str]
    firsts: list[int]
    """The numbers of the first lines of its entries."""


def _record(link: Link, folder: Path, sheet: _Sheet, redactor: Redactor) -> EntryRecord:
    entry = link.entry
    first = _first(link)
    text = _lines(sheet, first)
    origins = (origin.at(()) for origin in entry.overrides.values())
    changed = dict.fromkeys(str(each.file) for each in origins)
    return EntryRecord(
        id=str(entry.id),
        kind=entry.kind,
        where=f"{_file(entry.document, folder)}:{first}",
        text=redactor.redact("\n".join(map(_masked_line, text))),
        first_line=first,
        facts={name: redactor.redact(value) for name, value in _facts(link)},
        changed_by=tuple(changed),
        handler=_handler(link),
        runs=link.stage is not None,
    )


def _file(document: Document, folder: Path) -> str:
    """The file of a manifest, from the application's folder on."""
    path = Path(document.path)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else document.display_name


def _first(link: Link) -> int:
    """The number of the first line of an entry."""
    return link.entry.position.line or 1


def _lines(sheet: _Sheet, first: int) -> list[str]:
    """The lines of an entry, without those that belong to the next one."""
    at = bisect_right(sheet.firsts, first)
    end = sheet.firsts[at] - 1 if at < len(sheet.firsts) else None
    lines = sheet.lines[first - 1 : end][:_LONGEST]
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return dedent("\n".join(lines)).splitlines()


def _masked_line(line: str) -> str:
    """A line without the passwords that are written in it."""
    line = _PASSWORD.sub(rf"\1{HIDDEN}", line)
    if match := _SECRET.match(line):
        closing = "}" if line.rstrip().endswith("}") else ""
        return f"{match['before']}{HIDDEN}{closing}"
    return line


def _facts(link: Link) -> Iterator[tuple[str, str]]:
    """The scalar fields of an entry with their defaults, as far as they may be shown."""
    entry = link.entry
    fields: Mapping[str, Any] = link.schema.field.explain(entry.fields)
    for name, value in fields.items():
        if name in ("name", "kind", "meta") or _SECRET_NAME.fullmatch(name):
            continue
        if isinstance(value, str | int | float):
            hidden = entry.disclosure.hidden_text((name,))
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            yield name, _PASSWORD.sub(rf"\1{HIDDEN}", shown if hidden is None else hidden)


def _handler(link: Link) -> str | None:
    """The function that the entry holds: `process_task.py#main`."""
    for each in link.handlers:
        fields = each.entry.fields
        source = str(fields.get("source", "")).partition("://")[2]
        return f"{source}#{fields.get('method', '')}"
    return None


def _references(link: Link) -> Iterator[Reference]:
    source = str(link.entry.id)
    for path, target in link.references.items():
        yield Reference(source, str(target), _dotted(path))
    for target, call in link.uses.items():
        yield Reference(source, str(target), call, in_code=True)


def _dotted(path: FieldPath) -> str:
    """A field's path as one writes it, without the places in lists: `lifecycle.requires`."""
    return ".".join(str(step) for step in path if not isinstance(step, int))
