"""Reader: the entries of an application, from every `_index.yaml` in its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.entry_id import NAME, EntryId
from runtime.findings.disclosure import Disclosure
from runtime.findings.display import display_path
from runtime.findings.finding import Finding, Level, ManifestError, Position
from runtime.findings.finding import Path as FieldPath
from runtime.findings.suggestion import did_you_mean
from runtime.log.redaction import SHORTEST
from runtime.manifest import overlay
from runtime.manifest.document import MAX_BYTES, Document, parse
from runtime.manifest.entry import Entry
from runtime.manifest.interpolation import Resolver, Unresolved
from runtime.manifest.origin import CommandLine
from runtime.manifest.override import Override
from runtime.manifest.search import Search, application_around, application_below
from runtime.manifest.text_file import Unreadable, read_text
from runtime.schema.schema import envelope_schema

_FILE_FAULTS = {
    "not a file": None,
    "a folder, not a file": None,
    "not UTF-8 text": None,
    "larger than 8 MiB": "split it into several folders",
}
"""Faults of a file itself, and their remedies; of any other, the file cannot be read."""


class Manifest(msgspec.Struct, frozen=True):
    """The entries of an application by id, in the order of their declaration."""

    folder: Path
    """Absolute path of the application's folder, which is searched for manifests."""
    entries: Mapping[EntryId, Entry]
    documents: Sequence[Document]
    findings: Sequence[Finding]
    """Problems found while reading; `entries` holds all that could be read nevertheless."""
    notes: Sequence[Finding]
    """Placeholders that were allowed to stay unresolved."""
    complete: bool
    """True if every declared entry could be read."""

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that came from `${secret:…}` and `${file:…}`, for the log to hide."""
        return frozenset().union(*(entry.secrets for entry in self.entries.values()))


def read(
    folder: Path,
    overrides: Sequence[Override] = (),
    environment: Mapping[str, str] | None = None,
    allow_unset: bool = False,
    overlays: Sequence[Path] = (),
    unsaved: Mapping[str, str] | None = None,
) -> Manifest:
    """Read every manifest under `folder`, apply the overlays and then the overrides, each in order,
    and resolve placeholders.

    With `allow_unset`, a variable or file that is missing is a note, and its placeholder stays.
    `unsaved` has the texts that an editor holds, by the real paths of their files.

    Findings are collected in the manifest, for the linker to report together with its own.
    Raises ManifestError only if there is no manifest at all, or more than one application.
    """
    variables = os.environ if environment is None else environment
    reading = _Reading(folder, variables, allow_unset, unsaved or {})
    search = Search(folder)
    for path in search.manifests():
        reading.file(path)
    for link in search.links_out:
        message = "this link leads out of the application's folder, so its manifest is not read"
        reading.notes.append(Finding(Position(display_path(link)), message, None, Level.NOTE))
    if not reading.files:
        message = "no _index.yaml here or in any folder below"
        hint = "name the folder of an application, or create one with 'runtime init'"
        if around := application_around(folder):
            hint = f"this folder is part of the application at '{display_path(around)}'"
        raise ManifestError([Finding(Position(display_path(folder)), message, hint)])
    if len(reading.applications) > 1:
        raise ManifestError([_several(folder, [*reading.applications])])
    for path in overlays:
        reading.overlay(path)
    reading.override(overrides)
    reading.interpolate()
    return Manifest(
        _absolute(folder),
        reading.entries,
        reading.documents,
        reading.findings,
        reading.notes,
        reading.complete,
    )


def _several(folder: Path, applications: Sequence[Path]) -> Finding:
    names = [f"'{display_path(each)}'" for each in applications]
    return Finding(
        Position(display_path(folder)),
        f"has {len(names)} applications below, which declare the same entries",
        f"name one of them: {', '.join(names)}",
    )


def _absolute(path: Path) -> Path:
    """The same path whatever a handler makes the working directory; as it is if that is gone."""
    try:
        return path.absolute()
    except FileNotFoundError:
        return path


class _Reading:
    """The state while the files of one application are read."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        allow_unset: bool,
        unsaved: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.environment = environment
        self.allow_unset = allow_unset
        self.unsaved = unsaved
        self.files = 0
        self.entries: dict[EntryId, Entry] = {}
        self.documents: list[Document] = []
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self.complete = True
        self.applications: dict[Path, None] = {}
        """Those below the folder that have entries of the same ids."""

    def file(self, path: Path) -> None:
        self.files += 1
        document = self._parsed(path) if self._is_inside(path) else None
        if document is None:
            self.complete = False
        else:
            self.documents.append(document)
            self._document(document)

    def overlay(self, path: Path) -> None:
        if document := self._parsed(path):
            self.findings += overlay.apply(document, self.entries, self.complete)

    def _parsed(self, path: Path) -> Document | None:
        name = display_path(path)
        text = self._text(path, name)
        if text is None:
            return None
        document, findings = parse(text, str(_absolute(path)), name)
        self.findings += findings
        return document

    def _is_inside(self, path: Path) -> bool:
        start = Position(display_path(path), 1, 1)
        try:
            if path.resolve().is_relative_to(self.folder.resolve()):
                return True
            self._report(start, "this link leads out of the application's folder")
        except (OSError, RuntimeError):  # RuntimeError: a loop of links
            self._report(start, "cannot be read: a loop of symbolic links")
        return False

    def _text(self, path: Path, name: str) -> str | None:
        if self.unsaved and (text := self.unsaved.get(os.path.realpath(path))) is not None:
            return text
        try:
            return read_text(path, MAX_BYTES)
        except Unreadable as error:
            if error.reason in _FILE_FAULTS:
                hint = error.hint or _FILE_FAULTS[error.reason]
                self._report(Position(name, error.line, error.column), error.reason, hint)
            else:
                self._report(Position(name, 1, 1), f"cannot be read: {error.reason}")
        return None

    def _document(self, document: Document) -> None:
        if document.data is None:
            position = Position(document.display_name, 1, 1)
            self._report(position, "the file is empty", "write 'namespace' and 'entries'")
            self.complete = False
            return
        for problem in envelope_schema().problems(document.data):
            at = document.key_at if problem.at_key else document.at
            self.findings.append(Finding(at(problem.path), problem.message, problem.hint))
        envelope = document.data if isinstance(document.data, dict) else {}
        namespace, entries = envelope.get("namespace"), envelope.get("entries")
        if not isinstance(namespace, str) or not isinstance(entries, list):
            self.complete = False
        else:
            for index, fields in enumerate(entries):
                if isinstance(fields, dict):
                    self._entry(document, index, namespace, fields)

    def _entry(
        self, document: Document, index: int, namespace: str, fields: dict[str, Any]
    ) -> None:
        name, kind = fields.get("name"), fields.get("kind")
        if not isinstance(name, str) or not isinstance(kind, str) or not NAME.fullmatch(name):
            self.complete = False  # reported by the schema of the whole file
            return
        id = EntryId(namespace, name)
        entry = Entry(id, kind, fields, document, ("entries", index))
        if first := self.entries.get(id):
            position = first.at("name")
            places = (
                application_below(self.folder, Path(each.path))
                for each in (first.document, document)
            )
            self.applications |= dict.fromkeys(filter(None, places))
            self._report(entry.at("name"), f"'{id}' is declared twice; the first is at {position}")
            return
        self.entries[id] = entry

    def override(self, overrides: Sequence[Override]) -> None:
        for override in overrides:
            entry = self.entries.get(override.id)
            if entry is None:
                hint = did_you_mean(str(override.id), map(str, self.entries))
                self._report(override.position, f"no entry '{override.id}'", hint)
                continue
            if finding := override.apply(entry.fields):
                self.findings.append(finding)
            entry.override({override.path_in(entry.fields): CommandLine(override.position)})

    def interpolate(self) -> None:
        placeholders = any("${" in document.text for document in self.documents)
        resolver = Resolver(self.environment, self.folder)
        for entry in self.entries.values():
            if placeholders or entry.overrides:
                self._interpolate(entry, resolver)
            kind = entry.fields.get("kind")
            if isinstance(kind, str):
                entry.kind = kind
            else:
                self._report(entry.at("kind"), "'kind' is not text")
                entry.fields["kind"] = entry.kind  # so that it is not reported twice

    def _interpolate(self, entry: Entry, resolver: Resolver) -> None:
        def report(path: FieldPath, error: Unresolved) -> None:
            at = entry.at(*path)
            if error.unset and self.allow_unset:
                self.notes.append(Finding(at, error.message, error.hint, Level.NOTE))
            else:
                self._report(at, error.message, error.hint)

        found = resolver.interpolate(entry.fields, report)
        secret = [path for path, origin in entry.overrides.items() if origin.is_secret]
        entry.disclosure = Disclosure(found.placeholders, found.hidden, secret)
        entry.unfilled, entry.secrets = found.unfilled, found.secrets
        for path in found.in_names:
            message = "a placeholder in the name of a field is not filled"
            self.notes.append(Finding(entry.key_at(*path), message, None, Level.NOTE))
        if any(len(secret) < SHORTEST for secret in found.secrets):
            path = next(iter(found.hidden))
            message = f"a secret of fewer than {SHORTEST} characters is not hidden in the log"
            self.notes.append(Finding(entry.at(*path), message, None, Level.NOTE))

    def _report(self, position: Position, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(position, message, hint))
