"""Registry: kind name to Kind, found by its name under `runtime.kinds` or by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

import runtime.kinds
from runtime.kind import Kind
from runtime.schema.schema import Schema, kind_schema

GROUP = "runtime.kinds"
"""The entry point group of kinds from outside: `"store.redis" = "acme_store:kind"`."""


class UnknownKind(LookupError):
    """No kind has this name."""


class BrokenKind(Exception):
    """A kind that is installed and cannot be used. The text says why."""


class Registry:
    """Every kind that can be named. A kind is imported when it is first asked for."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._schemas: dict[str, Schema] = {}

    def __getitem__(self, name: str) -> Kind:
        """The kind of this name. Raises UnknownKind and BrokenKind."""
        if name not in self._kinds:
            self._kinds[name] = self._load(name)
        return self._kinds[name]

    def __contains__(self, name: str) -> bool:
        return _is_built_in(name) or name in self._from_outside

    def schema(self, name: str) -> Schema:
        """The schema of the kind of this name. Raises UnknownKind and BrokenKind."""
        if name not in self._schemas:
            self._schemas[name] = kind_schema(name) if _is_built_in(name) else self._own(name)
        return self._schemas[name]

    def expanded_schema(self, name: str) -> Schema:
        """The schema for pages and editors: with what the kind leaves open filled in."""
        schema, expand = self.schema(name), self[name].expand_schema
        return schema if expand is None else Schema(expand(schema.document))

    def _own(self, name: str) -> Schema:
        """The schema that a kind from outside brings."""
        document = self[name].schema
        if document is None:
            raise BrokenKind(f"the kind '{name}' brings no schema; pass Kind(…, schema=…)")
        # 48 ms, which a start pays only for kinds from outside: nothing else has looked at theirs
        from jsonschema import Draft202012Validator

        try:
            Draft202012Validator.check_schema(document)
            return Schema(document)
        except Exception as error:  # it is somebody else's, and may be wrong in any way
            raise BrokenKind(f"the kind '{name}' has a schema that is none: {error}") from error

    @cached_property
    def names(self) -> list[str]:
        """All kind names, sorted."""
        return sorted({*self.built_in, *self._from_outside})

    @cached_property
    def built_in(self) -> frozenset[str]:
        """The kinds under `runtime.kinds`, listed without importing them."""
        return frozenset(_leaves(runtime.kinds.__path__, ""))

    @cached_property
    def _from_outside(self) -> dict[str, importlib.metadata.EntryPoint]:
        # 8 ms, and only asked for when a name is not built in
        import importlib.metadata

        return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}

    def _load(self, name: str) -> Kind:
        if _is_built_in(name):
            kind = importlib.import_module(f"runtime.kinds.{name}").kind
        elif name in self._from_outside:
            try:
                kind = self._from_outside[name].load()
            except Exception as error:  # it is somebody else's, and may fail in any way
                why = f"{type(error).__name__}: {error}"
                raise BrokenKind(f"the kind '{name}' cannot be loaded: {why}") from error
        else:
            raise UnknownKind(name)
        if not isinstance(kind, Kind) or kind.name != name:
            raise BrokenKind(f"the kind '{name}' cannot be loaded: its module holds no such Kind")
        return kind


@cache
def _is_built_in(name: str) -> bool:
    """Whether there is such a module: a start asks for a few, and need not list all."""
    parts = name.split(".")
    if not all(part.isidentifier() and part[0] != "_" for part in parts) or not name.islower():
        return False  # some disks do not tell `a` from `A`
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
