"""Location: the file that a handler's `source` names."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath


class Misplaced(Exception):
    """A `source` that leads to no file that could hold a handler."""

    def __init__(self, form: str, hint: str | None = None, missing: bool = False) -> None:
        super().__init__(form)
        self._form = form
        self.hint = hint
        self.missing = missing
        """Whether the file could be there and is not."""

    def told(self, name: str) -> str:
        """The sentence, with the source called `name`."""
        return self._form.format(name)


def locate(source: str, manifest_folder: Path, application: Path) -> Path | None:
    """The file that `source` names. None for a module that has no Python source.

    Raises Misplaced.
    """
    scheme, _, rest = source.partition("://")
    if scheme == "module":
        return _installed(rest)
    path = PurePosixPath(rest)
    if path.is_absolute() or any(char in rest for char in "\\\0:"):
        raise Misplaced("'{}' is not a path relative to the manifest's folder")
    if path.suffix != ".py":
        raise Misplaced("'{}' is not a Python file", "its name must end in .py")
    if any("." in part for part in (*path.parts[:-1], path.stem) if part != ".."):
        raise Misplaced("'{}' has a dot in its name", "name it so that Python can import it")
    file = manifest_folder / path
    try:
        if not file.resolve().is_relative_to(application.resolve()):
            raise Misplaced("'{}' leads out of the application's folder")
        if file.is_dir():
            raise Misplaced("'{}' is a folder, not a Python file")
        if not file.is_file():
            raise Misplaced("no file '{}'", missing=True)
    except (OSError, RuntimeError):  # a name too long, a circle of links
        raise Misplaced("no file '{}'", missing=True) from None
    return file


def _installed(name: str) -> Path | None:
    """Find a module without importing it or the packages around it."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise Misplaced("'{}' is not the name of a module", "write package.module")
    folders = None
    spec = None
    for index in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: index + 1]), folders)
        if spec is None:
            hint = "install the package that holds it, or mend the name"
            raise Misplaced("no module '{}'", hint)
        folders = list(spec.submodule_search_locations or ())
    file = Path(spec.origin) if spec and spec.origin else None
    return file if file is not None and file.suffix == ".py" and file.is_file() else None
