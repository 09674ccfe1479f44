"""ModuleCheck: compares the `modules` of an entry with what its handler imports."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import msgspec

from runtime.findings.finding import Finding, Level, Mend, Position
from runtime.findings.suggestion import did_you_mean
from runtime.linking.imports import (
    Imports,
    imported_files,
    imports,
    known_modules,
    own_modules,
)
from runtime.linking.inspection import position
from runtime.manifest.entry import Entry

_FIELD = ("modules",)


class _Imported(msgspec.Struct):
    """The modules that a file imports, by itself or by its relative imports, and where."""

    modules: dict[str, Position]
    others: set[str]
    """Packages that are none of ours: `queue` for that of the standard library."""
    complete: bool
    """True if it certainly imports no other."""


class ModuleCheck:
    """Checks the modules of handlers, and appends what it finds to `findings` and `notes`."""

    def __init__(
        self,
        application: Path,
        tree: Callable[[Path], ast.Module | None],
        findings: list[Finding],
        notes: list[Finding],
    ) -> None:
        """`tree` returns the syntax of a file; None if it is not valid Python."""
        self._application = application.resolve()
        self._tree = tree
        self._findings = findings
        self._notes = notes
        self._imports: dict[Path, Imports | None] = {}
        self._imported: dict[Path, _Imported] = {}

    def check(self, entry: Entry, file: Path | None) -> None:
        """Check the list of an entry, if it has one, and the imports of its file."""
        listed = entry.fields.get("modules")
        names = listed if isinstance(listed, list) else []
        imported = self._all(file) if file else _Imported({}, set(), complete=False)
        mend = _mend(entry, imported)
        with_fix = ", or run 'runtime validate --fix'" if mend else ""
        for index, name in enumerate(names):
            if not isinstance(name, str):
                continue
            if name not in known_modules():
                self._unknown(entry, index, name, mend)
            elif _is_unused(name, imported):
                message = f"module '{name}' is listed and never imported"
                hint = f"remove it{with_fix}"
                place = entry.at("modules", index)
                self._notes.append(Finding(place, message, hint, Level.NOTE, mend))
        for name, place in imported.modules.items():
            if name not in own_modules():
                message = f"no module 'runtime.modules.{name}'"
                self._findings.append(Finding(place, message, did_you_mean(name, own_modules())))
            elif isinstance(listed, list) and name not in names:
                message = f"module '{name}' is imported, but '{entry.id}' does not list it"
                hint = f"add it to 'modules' at {entry.at('modules')}{with_fix}"
                self._findings.append(Finding(place, message, hint, mend=mend))

    def _unknown(self, entry: Entry, index: int, name: str, mend: Mend | None) -> None:
        written = entry.disclosure.hidden_text(("modules", index))
        hint = did_you_mean(name, own_modules()) or did_you_mean(name, known_modules())
        hint = hint or "installed packages need not be listed"
        message = f"unknown module '{written or name}'"
        place = entry.at("modules", index)
        self._findings.append(Finding(place, message, None if written else hint, mend=mend))

    def _all(self, file: Path) -> _Imported:
        """The imports of a file, as far as relative ones lead."""
        if file in self._imported:
            return self._imported[file]
        found = self._imported[file] = _Imported({}, set(), complete=True)
        seen, waiting = {file}, [file]
        while waiting:
            here = waiting.pop()
            own = self._of(here)
            if own is None:
                found.complete = False
                continue
            found.complete &= not own.opaque
            found.others |= own.others
            for name, line, column in own.modules:
                found.modules.setdefault(name, position(here, line, column))
            for path in own.relative:
                files = {other for other, _ in imported_files(here, path, self._application)}
                found.complete &= bool(files)  # none: they are outside of the application
                waiting += sorted(files - seen)
                seen |= files
        return found

    def _of(self, file: Path) -> Imports | None:
        if file not in self._imports:
            tree = self._tree(file)
            self._imports[file] = None if tree is None else imports(tree)
        return self._imports[file]


def _is_unused(name: str, imported: _Imported) -> bool:
    """True for a module of the runtime that is certainly not imported.

    Nor is one of the standard library that has its name, as `http` and `queue` have. `json` gives
    access to nothing, and stands for either.
    """
    is_imported = name in imported.modules or name in imported.others or name == "json"
    return imported.complete and name in own_modules() and not is_imported


def _mend(entry: Entry, imported: _Imported) -> Mend | None:
    """The list as it should be; None if it is right, or not written in the manifest as it is."""
    listed = entry.fields.get("modules")
    path = (*entry.path, *_FIELD)
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        return None
    wanted = [name for name in listed if name in known_modules() and not _is_unused(name, imported)]
    wanted += [name for name in imported.modules if name in own_modules() and name not in wanted]
    if wanted == listed:  # first: a right manifest is never read with its positions
        return None
    if entry.origin_of(_FIELD) or not entry.document.has(path):
        return None
    if any(placeholder[:1] == _FIELD for placeholder in entry.disclosure.placeholders):
        return None
    return Mend(entry.document.path, path, tuple(wanted), f"modules of '{entry.id}'")
