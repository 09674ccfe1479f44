"""Location: the file that a handler's `source` names."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath

from runtime.handlers.handler import file_in


class SourceError(Exception):
    """A `source` that names no file with a handler."""

    def __init__(self, template: str, hint: str | None = None, missing: bool = False) -> None:
        """`template` is the message, with `{}` for the source."""
        super().__init__(template)
        self._template = template
        self.hint = hint
        self.missing = missing
        """True if the path is valid and there is no such file."""

    def message(self, source: str) -> str:
        """The message, with the source as the manifest has it."""
        return self._template.format(source)


_IMPORTABLE = "name it so that Python can import it"
_DOTTED = "which has a dot in its name"


def locate(source: str, manifest_folder: Path, application: Path) -> Path | None:
    """The file that `source` names. None for a module that has no Python source.

    Raises SourceError.
    """
    scheme, _, rest = source.partition("://")
    if scheme == "module":
        return _installed(rest)
    path = PurePosixPath(rest)
    if path.is_absolute() or any(char in rest for char in "\\\0:"):
        raise SourceError("'{}' is not a path relative to the manifest's folder")
    if path.suffix != ".py":
        raise SourceError("'{}' is not a Python file", "its name must end in .py")
    if any("." in part for part in (*path.parts[:-1], path.stem) if part != ".."):
        raise SourceError("'{}' has a dot in its name", _IMPORTABLE)
    inside = file_in(application, manifest_folder, rest)
    if ".." in inside.parts:
        raise SourceError("'{}' leads out of the application's folder")
    if dotted := next((part for part in inside.parts[:-1] if "." in part), None):
        raise SourceError(f"'{{}}' lies in the folder '{_braced(dotted)}', {_DOTTED}", _IMPORTABLE)
    file = application / inside
    try:
        if not file.resolve().is_relative_to(application.resolve()):
            raise SourceError("'{}' leads out of the application's folder")
        if file.is_file() and (file.with_suffix("") / "__init__.py").is_file():
            hint = "rename one of them"
            raise SourceError("'{}' is hidden by the package of the same name beside it", hint)
        if file.is_dir():
            raise SourceError("'{}' is a folder, not a Python file")
        if file.exists() and not file.is_file():
            raise SourceError("'{}' is not a file")  # but a pipe or a device
        if not file.is_file():
            raise SourceError("no file '{}'", missing=True)
    except (OSError, RuntimeError):  # a name too long, a cycle of links
        raise SourceError("no file '{}'", missing=True) from None
    return file


def _braced(text: str) -> str:
    """The text with its braces doubled, for a template."""
    return text.replace("{", "{{").replace("}", "}}")


def _installed(name: str) -> Path | None:
    """The file of a module, found without importing it or its packages."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise SourceError("'{}' is not the name of a module", "write package.module")
    folders = None
    spec = None
    for index in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: index + 1]), folders)
        if spec is None:
            hint = "install the package that holds it, or correct the name"
            raise SourceError("no module '{}'", hint)
        folders = list(spec.submodule_search_locations or ())
    file = Path(spec.origin) if spec and spec.origin else None
    return file if file is not None and file.suffix == ".py" and file.is_file() else None
