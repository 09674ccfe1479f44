"""Search: the manifests below a folder, and the application around one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE_NAMES = ("_index.yaml", "_index.yml")
SKIPPED_FOLDERS = frozenset(("node_modules", "__pycache__"))
_MARKS = (
    "runtime.schema.json", "pyproject.toml", "README.md", "Makefile", "Dockerfile", "data", ".git"
)  # fmt: skip
"""Files and folders of which an application's folder has at least one beside its `src`."""


class Search:
    """Finds the manifests of one application, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = _real(folder)
        self.links_out: list[Path] = []
        """Links to folders with a manifest outside of the application's folder."""

    def manifests(self) -> Iterator[Path]:
        """Yield the manifests: those of its folders first, then those that only links lead to.

        A link to a folder is followed if it stays inside, and if its folder was not searched yet.
        """
        searched: set[tuple[int, int]] = set()
        waiting = [str(self._folder)]
        for start in waiting:
            for here, folders, files in os.walk(start):
                identity = _identity(here)
                if identity is None or identity in searched:
                    folders.clear()
                    continue
                searched.add(identity)
                folders[:] = sorted(name for name in folders if is_searched(here, name))
                links = [os.path.join(here, name) for name in folders]
                waiting += [link for link in links if os.path.islink(link) and self._is_in(link)]
                yield from (Path(here, name) for name in FILE_NAMES if name in files)

    def _is_in(self, link: str) -> bool:
        """True if the link stays inside of the application's folder."""
        if Path(os.path.realpath(link)).is_relative_to(self._root):
            return True
        if _has_manifest(Path(link)):
            self.links_out.append(Path(link))
        return False


def _real(folder: Path) -> Path:
    """The folder without links; as it is if the working directory is gone."""
    try:
        return Path(os.path.realpath(folder))
    except FileNotFoundError:
        return folder


def _identity(folder: str) -> tuple[int, int] | None:
    """Device and inode of a folder; None if it is gone."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_searched(here: str, name: str) -> bool:
    """True if the folder `name` in the folder `here` may be part of an application."""
    return (
        not name.startswith(".")
        and name not in SKIPPED_FOLDERS
        and not os.path.exists(os.path.join(here, name, "pyvenv.cfg"))
    )


def _has_manifest(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in FILE_NAMES)


def application_around(folder: Path) -> Path | None:
    """The outermost application that a folder lies in, without being its folder.

    It is a folder above with a manifest, or one that has a manifest in `src` and looks like the
    folder of a project. None if there is no such folder up to the repository or the home folder.
    """
    here, home = _real(folder), Path(os.path.expanduser("~"))
    found = None
    while not (here / ".git").exists() and here.parent not in (here, home, Path("/")):
        here = here.parent
        if _is_application(here):
            found = here
    return found


def application_below(folder: Path, manifest: Path) -> Path | None:
    """The application below a folder that a manifest is of, if it looks like one of its own.

    None if the folder itself is the application.
    """
    folder, place = _real(folder), _real(manifest.parent)
    if _is_application(folder) or not place.is_relative_to(folder):
        return None
    found = _first_below(folder, place)
    return found if found is not None and _is_project(found) else None


def application_within(folder: Path, manifests: Iterable[Path]) -> Path | None:
    """The application that a folder is not, but has below it, with all the manifests in it.

    None if the folder looks like a project itself and the one below does not.
    """
    places = [path.parent for path in manifests if path.is_relative_to(folder)]
    if not places:
        return None
    place = Path(os.path.commonpath(places))
    if "src" in place.relative_to(folder).parts[:1]:
        return None  # the folder's own
    found = _first_below(folder, place)
    if found is None or (_is_project(folder) and not _is_project(found)):
        return None
    return found


def _first_below(folder: Path, place: Path) -> Path | None:
    """The first application on the way from a folder to a place in it, without the folder."""
    here = folder
    for step in place.relative_to(folder).parts:
        here /= step
        if _is_application(here):
            return here
    return None


def _is_application(folder: Path) -> bool:
    return _has_manifest(folder) or (_is_project(folder) and _has_manifest(folder / "src"))


def _is_project(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _MARKS)
