"""Registry: the kinds by name, found under `runtime.kinds` or by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

import runtime.kinds
from runtime.kind import Kind
from runtime.schema.schema import Schema, kind_schema

GROUP = "runtime.kinds"
"""The entry point group of kinds from other packages: `"store.redis" = "acme_store:kind"`."""


class UnknownKind(LookupError):
    """No kind has this name."""


class BrokenKind(Exception):
    """A kind is installed and cannot be used. The text says why."""


class Registry:
    """All installed kinds. A kind is imported on first use."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._schemas: dict[str, Schema] = {}

    def __getitem__(self, name: str) -> Kind:
        """The kind of this name. Raises UnknownKind and BrokenKind."""
        if name not in self._kinds:
            self._kinds[name] = self._load(name)
        return self._kinds[name]

    def __contains__(self, name: str) -> bool:
        return _is_built_in(name) or name in self._installed

    def schema(self, name: str) -> Schema:
        """The schema of the kind of this name. Raises UnknownKind and BrokenKind."""
        if name not in self._schemas:
            self._schemas[name] = kind_schema(name) if _is_built_in(name) else self._own(name)
        return self._schemas[name]

    def expanded_schema(self, name: str) -> Schema:
        """The schema for pages and editors, as `expand_schema` of the kind returns it."""
        schema, expand = self.schema(name), self[name].expand_schema
        return schema if expand is None else Schema(expand(schema.document))

    def _own(self, name: str) -> Schema:
        """The schema of a kind from another package."""
        document = self[name].schema
        if document is None:
            raise BrokenKind(f"the kind '{name}' has no schema; pass Kind(…, schema=…)")
        # 48 ms, for kinds from other packages only: the tests check the built-in schemas
        from jsonschema import Draft202012Validator

        try:
            Draft202012Validator.check_schema(document)
            return Schema(document)
        except Exception as error:  # it may be wrong in any way
            raise BrokenKind(f"the kind '{name}' has an invalid schema: {error}") from error

    @cached_property
    def names(self) -> list[str]:
        """All kind names, sorted."""
        return sorted({*self.built_in, *self._installed})

    @cached_property
    def built_in(self) -> frozenset[str]:
        """The kinds under `runtime.kinds`, listed without importing them."""
        return frozenset(_leaves(runtime.kinds.__path__, ""))

    @cached_property
    def _installed(self) -> dict[str, importlib.metadata.EntryPoint]:
        # 8 ms, only when a name is not built in
        import importlib.metadata

        return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}

    def _load(self, name: str) -> Kind:
        if _is_built_in(name):
            kind = importlib.import_module(f"runtime.kinds.{name}").kind
        elif name in self._installed:
            try:
                kind = self._installed[name].load()
            except Exception as error:  # code of another package may fail in any way
                why = f"{type(error).__name__}: {error}"
                raise BrokenKind(f"the kind '{name}' cannot be loaded: {why}") from error
        else:
            raise UnknownKind(name)
        if not isinstance(kind, Kind) or kind.name != name:
            raise BrokenKind(f"the kind '{name}' cannot be loaded: its module has no such Kind")
        return kind


@cache
def _is_built_in(name: str) -> bool:
    """True if there is such a module. A start needs a few kinds, and does not list all."""
    parts = name.split(".")
    if not all(part.isidentifier() and part[0] != "_" for part in parts) or not name.islower():
        return False  # some file systems ignore case
    return any(
        Path(folder, *parts).with_suffix(".py").is_file() for folder in runtime.kinds.__path__
    )


def _leaves(path: Iterable[str], prefix: str) -> Iterator[str]:
    import pkgutil

    for module in pkgutil.iter_modules(list(path)):
        if module.ispkg:
            folders = [f"{folder}/{module.name}" for folder in path]
            yield from _leaves(folders, f"{prefix}{module.name}.")
        else:
            yield prefix + module.name
