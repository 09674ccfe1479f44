"""SourceLoader: imports handlers from their source, whatever compiled file is beside it.

Such a file counts as fresh if the time in seconds and the size of its source are the same: an edit
in the second of the one before, to as many characters, would bring the old code back. So those that
are kept here carry a digest of their source (PEP 552), which Python takes too.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from types import CodeType, ModuleType

_CHECKED_HASH = MAGIC_NUMBER + (3).to_bytes(4, "little")
_WRITABLE = 0o200


class SourceLoader(SourceFileLoader):
    """Compiles a module unless that was done for the same source, and keeps the source."""

    source = b""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        self.source = self.get_data(path)
        cached, stamp = cache_from_source(path), _CHECKED_HASH + source_hash(self.source)
        code = self._compiled(cached, stamp)
        if code is None or code.co_filename != path:  # the folder may have moved
            code = self.source_to_code(self.source, path)
            if not sys.dont_write_bytecode:
                self._keep(cached, stamp + marshal.dumps(code))
        return code

    def _keep(self, cached: str, data: bytes) -> None:
        """Write a compiled file, which whoever may read the source may read. It may fail."""
        with suppress(OSError):
            self.set_data(cached, data, _mode=os.stat(self.path).st_mode | _WRITABLE)

    def _compiled(self, cached: str, stamp: bytes) -> CodeType | None:
        """The code of a compiled file; None if it has none of this source."""
        try:
            data = self.get_data(cached)
            code = marshal.loads(data[len(stamp) :]) if data.startswith(stamp) else None
        except (OSError, EOFError, ValueError, TypeError):
            return None  # there is none, or it was not written to its end
        return code if isinstance(code, CodeType) else None


def find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """The spec of a module in one of the folders `path`."""
    spec = PathFinder.find_spec(name, path)
    if spec is not None and type(spec.loader) is SourceFileLoader:
        spec.loader = SourceLoader(spec.loader.name, spec.loader.path)
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
