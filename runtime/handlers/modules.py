"""Modules: what was imported from the application's folder, and what of it is out of date."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

from runtime.handlers.source_loader import SourceFinder, SourceLoader, find
from runtime.handlers.syntax import parse

_RELATIVE = re.compile(rb"from[ \t\\\r\n]*\.")
"""A part of each file with a relative import: most others need not be parsed."""


class Modules:
    """The modules below one package, with what they import from each other by relative imports.

    An import that is made up at run time is not seen.
    """

    def __init__(self, package: str, finder: SourceFinder) -> None:
        self._package = package
        self._finder = finder
        self._imports: dict[str, tuple[SourceLoader, frozenset[str]]] = {}
        """By module, its loader and what it may import: another loader is another version."""

    def stale(self) -> frozenset[str]:
        """The modules whose source is another one now, and all that import them, in turn."""
        importlib.invalidate_caches()  # a folder that changes twice in one tick looks the same
        loaders = {
            name: module.__loader__
            for name, module in self._loaded().items()
            if isinstance(module.__loader__, SourceLoader)
        }
        waiting = [name for name, loader in loaders.items() if self._is_changed(name, loader)]
        stale = set(waiting)
        waiting += [name for name in self._finder.missed(self._package) if self._is_there(name)]
        if waiting:  # else nothing needs to be parsed
            self._read(loaders)
        while waiting:
            changed = waiting.pop()
            below = f"{changed}."
            new = {
                name
                for name, (_, imports) in self._imports.items()
                if changed in imports or name.startswith(below)
            } - stale
            waiting += new
            stale |= new
        return frozenset(stale)

    @contextmanager
    def dropped(self, names: frozenset[str]) -> Iterator[Fresh]:
        """Import these modules anew in the block. If it raises, the old ones are back."""
        before = self._loaded()
        fresh = Fresh(names, {name: before[name] for name in names})
        _remove(fresh.old)
        try:
            yield fresh
        except BaseException:
            fresh.new = self._newer(before)
            fresh.restore()
            raise
        fresh.new = self._newer(before)

    def _newer(self, before: Mapping[str, ModuleType]) -> dict[str, ModuleType]:
        loaded = self._loaded()
        return {name: each for name, each in loaded.items() if before.get(name) is not each}

    def _loaded(self) -> dict[str, ModuleType]:
        below = f"{self._package}."
        return {name: module for name, module in [*sys.modules.items()] if name.startswith(below)}

    def _read(self, loaders: Mapping[str, SourceLoader]) -> None:
        """Find out what each module imports, unless that is known."""
        for name, loader in loaders.items():
            known = self._imports.get(name)
            if known is None or known[0] is not loader:
                found = _imports(loader.source, name, loader.is_package(name))
                self._imports[name] = loader, frozenset(found)
        for gone in self._imports.keys() - loaders.keys():
            del self._imports[gone]

    def _is_changed(self, name: str, loader: SourceLoader) -> bool:
        """True if importing it again would run other code."""
        found = self._find(name)
        if found is None or found.origin != loader.path:
            return True
        try:
            return loader.get_data(loader.path) != loader.source
        except OSError:
            return True

    def _is_there(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> ModuleSpec | None:
        parent = sys.modules.get(name.rpartition(".")[0])
        path = getattr(parent, "__path__", None)
        return None if path is None else find(name, [*path])


class Fresh:
    """Modules that are imported anew, and those in whose place they are."""

    def __init__(self, names: frozenset[str], old: Mapping[str, ModuleType]) -> None:
        self.names = names
        self.old = old
        self.new: Mapping[str, ModuleType] = {}

    def restore(self) -> None:
        """Put the old modules back."""
        _remove(self.new)
        sys.modules.update(self.old)
        for name, module in self.old.items():
            _bind(name, module)


def _remove(modules: Mapping[str, ModuleType]) -> None:
    for name, module in modules.items():
        sys.modules.pop(name, None)
        parent, _, own = name.rpartition(".")
        if getattr(sys.modules.get(parent), own, None) is module:
            delattr(sys.modules[parent], own)


def _bind(name: str, module: ModuleType) -> None:
    """Make a module an attribute of its package, as an import does."""
    parent, _, own = name.rpartition(".")
    setattr(sys.modules[parent], own, module)


def _imports(source: bytes, name: str, is_package: bool) -> Iterator[str]:
    """The modules that relative imports of a source may mean, in functions too."""
    if _RELATIVE.search(source) is None:
        return
    parts = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(parts):
            base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
