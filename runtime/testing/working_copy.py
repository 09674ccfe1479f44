"""WorkingCopy: an application's folder that a test may change, beside the one that people work on.

A test that changed that one would leave its edits there if it were killed, and tests of other
processes would run with them meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

from runtime.findings.suggestion import did_you_mean
from runtime.manifest.search import is_searched

Edit = str | Callable[[str], str] | None
"""The new text of a file, or a function of its text that returns it; None deletes the file."""

_LARGE = 16 * 1024 * 1024
"""Bytes from which a file is linked to in place of copied."""


class WorkingCopy:
    """A copy of an application's folder, without what the search for manifests passes over."""

    def __init__(self, original: Path, folder: Path) -> None:
        """`folder` is where it is made. It gets the name of the original one."""
        self._original = original.absolute()
        self.folder = folder / (self._original.name or "application")
        shutil.copytree(
            self._original, self.folder, symlinks=True, ignore=_left_out, copy_function=_copy
        )

    def inside(self, path: Path) -> Path:
        """The place of a file in the copy; of a file that is not in the folder, its own."""
        absolute = Path(os.path.normpath(path.absolute()))
        if not absolute.is_relative_to(self._original):
            return path
        return self.folder / absolute.relative_to(self._original)

    def edit(self, edits: Mapping[str, Edit]) -> None:
        """Change files, by their paths in the folder; the name alone will do for a file that has it
        alone. Raises ValueError, with no file changed, for a path that leads out of the folder, for
        a file to delete or to change that is not there, and for an edit that changes nothing.
        """
        files = {self._find(name, edit): edit for name, edit in edits.items()}
        texts = {file: self._text(file, edit) for file, edit in files.items()}
        for file, text in texts.items():
            if text is None:
                file.unlink()
            else:
                _write(file, text)

    def _find(self, name: str, edit: Edit) -> Path:
        path = PurePath(os.path.normpath(name))
        if path.is_absolute() or path.parts[:1] in ((), ("..",)):
            raise ValueError(f"'{name}' is no path in the application's folder")
        file = self.folder / path
        if not file.parent.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"'{name}' is behind a link that leads out of the folder")
        if file.is_file():
            return file
        every = [each for each in self.folder.rglob("*") if each.is_file()]
        named = [each for each in every if len(path.parts) == 1 and each.name == path.name]
        if len(named) == 1:
            return named[0]
        paths = [each.relative_to(self.folder).as_posix() for each in named or every]
        if named:
            raise ValueError(f"'{name}' is the name of several files: {', '.join(sorted(paths))}")
        if not isinstance(edit, str):
            hint = did_you_mean(name, paths)
            raise ValueError(f"there is no file '{name}'{f'; {hint}' if hint else ''}")
        return file

    def _text(self, file: Path, edit: Edit) -> str | None:
        if edit is None:
            return None
        before = file.read_text("utf-8") if file.is_file() else None
        after = edit(before or "") if callable(edit) else edit
        if after == before:
            raise ValueError(f"the edit of '{file.relative_to(self.folder)}' changes nothing")
        return after


def _write(file: Path, text: str) -> None:
    """Replace a file as editors do: what reads it meanwhile has the old one as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, "utf-8")
    new.replace(file)


def _left_out(here: str, names: list[str]) -> list[str]:
    """Hidden files and folders, virtual environments and the like; sockets, pipes."""
    return [name for name in names if not is_searched(here, name) or _is_special(here, name)]


def _is_special(here: str, name: str) -> bool:
    path = Path(here, name)
    return not (path.is_symlink() or path.is_dir() or path.is_file())


def _copy(source: str, target: str) -> None:
    if os.path.getsize(source) < _LARGE:
        shutil.copy2(source, target)
    else:
        os.symlink(source, target)
