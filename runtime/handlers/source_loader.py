"""SourceLoader: imports handlers from their source, and never from a compiled file beside it.

Such a file counts as fresh if the time in seconds and the size of its source are the same: an edit
in the second of the one before, to as many characters, would bring the old code back.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType


class SourceLoader(SourceFileLoader):
    """Compiles a module at each import, and keeps the source that it compiled."""

    source = b""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        self.source = self.get_data(path)
        code: CodeType = self.source_to_code(self.source, path)
        return code


def find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """The spec of a module in one of the folders `path`."""
    spec = PathFinder.find_spec(name, path)
    if spec is not None and type(spec.loader) is SourceFileLoader:
        spec.loader = SourceLoader(spec.loader.name, spec.loader.path)
        spec.cached = None
    return spec


class SourceFinder:
    """Finds the modules of applications' packages, and remembers those that it does not find."""

    def __init__(self) -> None:
        self._missed: dict[str, set[str]] = {}

    def add(self, package: str) -> None:
        self._missed[package] = set()

    def remove(self, package: str) -> None:
        del self._missed[package]

    def missed(self, package: str) -> frozenset[str]:
        """The modules of a package that were imported and are not there: some import tries that."""
        return frozenset(self._missed[package])

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        missed = self._missed.get(name.partition(".")[0])
        if missed is None or path is None:
            return None
        spec = find(name, path)
        if spec is None:
            missed.add(name)
        return spec
