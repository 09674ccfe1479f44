"""Workplace: the applications around the files of an editor, as they were last examined."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runtime.findings.finding import Finding, ManifestError
from runtime.linking.linker import link
from runtime.manifest.entry import Entry
from runtime.manifest.reader import Manifest, read
from runtime.manifest.search import FILE_NAMES, application_around
from runtime.registry import Registry


class Application:
    """One application. Its entries are those that could be read last, file by file, so that a file
    that is half typed keeps its own.
    """

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder = folder
        self.registry = registry
        self.examined = False
        self._entries: dict[str, Sequence[Entry]] = {}

    @property
    def entries(self) -> Iterator[Entry]:
        for entries in self._entries.values():
            yield from entries

    def examine(self, unsaved: Mapping[str, str]) -> Sequence[Finding]:
        """All findings and notes, with the texts that the editor holds in place of the files'.

        A variable that is not set is a note: an editor has another environment.
        """
        self.examined = True
        try:
            manifest = read(self.folder, allow_unset=True, unsaved=unsaved)
            self._remember(manifest)
            return link(manifest, self.registry).notes
        except ManifestError as error:
            return error.findings

    def _remember(self, manifest: Manifest) -> None:
        parsed: dict[str, list[Entry]] = {document.path: [] for document in manifest.documents}
        for entry in manifest.entries.values():
            parsed[entry.document.path].append(entry)
        kept = {path: entries for path, entries in self._entries.items() if os.path.exists(path)}
        self._entries = {**kept, **parsed}


class Workplace:
    """Every application that a file was opened of, and the texts of open manifests."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.registry.use_installed_options()
        self.unsaved: dict[str, str] = {}
        """Texts by the real paths of their files."""
        self._applications: dict[Path, Application] = {}

    def take(self, path: str, text: str) -> None:
        """Use a text in place of what the file on disk holds."""
        self.unsaved[os.path.realpath(path)] = text

    def drop(self, path: str) -> None:
        self.unsaved.pop(os.path.realpath(path), None)

    def text(self, path: str) -> str | None:
        """The text of an open manifest."""
        return self.unsaved.get(os.path.realpath(path))

    def application(self, path: str) -> Application:
        """The application around a manifest."""
        here = folder_of(path)
        folder = application_around(here) or here
        if folder not in self._applications:
            self._applications[folder] = Application(folder, self.registry)
        return self._applications[folder]

    def around(self, path: str) -> list[Application]:
        """The known applications whose folders hold a file."""
        real = Path(os.path.realpath(path))
        return [each for each in self._applications.values() if real.is_relative_to(each.folder)]


def folder_of(path: str) -> Path:
    """The folder of a manifest, without links."""
    return Path(os.path.realpath(path)).parent


def is_manifest(path: str) -> bool:
    return os.path.basename(path) in FILE_NAMES
