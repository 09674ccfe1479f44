"""Registry: the kinds by name, found under `runtime.kinds` or by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import runtime.kinds
from runtime.kind import Kind
from runtime.schema.family import FAMILY, add_family
from runtime.schema.options import OPTIONS, add_options, options_of
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
        self._with_installed = False

    def __getitem__(self, name: str) -> Kind:
        """The kind of this name. Raises UnknownKind and BrokenKind."""
        if name not in self._kinds:
            self._kinds[name] = self._load(name)
        return self._kinds[name]

    def __contains__(self, name: str) -> bool:
        return is_built_in(name) or name in self._installed

    def schema(self, name: str) -> Schema:
        """The schema of the kind of this name. Raises UnknownKind and BrokenKind.

        Options that other kinds declare are part of it: those of built-in kinds, and after
        `use_installed_options` those of kinds from other packages too. So are the fields of the
        other built-in kinds of its family, which have no effect.
        """
        if name not in self._schemas:
            schema = kind_schema(name) if is_built_in(name) else self._own(name)
            if families := options_of(schema.document):
                kinds = self._schemas_below(families.values())
                schema = Schema(add_options(schema.document, kinds))
            if (family := schema.document.get(FAMILY)) and is_built_in(name):
                others = [(other, kind_schema(other).document) for other in sorted(_below(family))]
                schema = Schema(add_family(name, schema.document, others))
            self._schemas[name] = schema
        return self._schemas[name]

    def use_installed_options(self) -> bool:
        """Take the options that kinds from other packages declare into the schemas.

        Those packages are only looked for if a manifest may need them, since that takes 8 ms. False
        if it has been done before.
        """
        if self._with_installed:
            return False
        self._with_installed = True
        self._schemas.clear()
        return True

    def expanded_schema(self, name: str) -> Schema:
        """The schema for pages and editors, as `expand_schema` of the kind returns it."""
        self.use_installed_options()
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
            Draft202012Validator.check_schema(document.get(OPTIONS, {}))
            return Schema(document)
        except Exception as error:  # it may be wrong in any way
            raise BrokenKind(f"the kind '{name}' has an invalid schema: {error}") from error

    def _schemas_below(self, families: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for family in families:
            names = {*_below(family)}
            if self._with_installed:
                names |= {name for name in self._installed if name.startswith(f"{family}.")}
            for name in sorted(names):
                with suppress(BrokenKind):  # reported where an entry is of that kind
                    yield name, self.schema(name).document

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
        if is_built_in(name):
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
def is_built_in(name: str) -> bool:
    """True if there is such a module. A start needs a few kinds, and does not list all."""
    parts = name.split(".")
    if not all(part.isidentifier() and part[0] != "_" for part in parts) or not name.islower():
        return False  # some file systems ignore case
    return any(
        Path(folder, *parts).with_suffix(".py").is_file() for folder in runtime.kinds.__path__
    )


def _below(family: str) -> Iterator[str]:
    """The built-in kinds right below a name, listed without the others."""
    for folder in runtime.kinds.__path__:
        for path in Path(folder, *family.split(".")).glob("[!_]*.py"):
            yield f"{family}.{path.stem}"


def _leaves(path: Iterable[str], prefix: str) -> Iterator[str]:
    import pkgutil

    for module in pkgutil.iter_modules(list(path)):
        if module.ispkg:
            folders = [f"{folder}/{module.name}" for folder in path]
            yield from _leaves(folders, f"{prefix}{module.name}.")
        else:
            yield prefix + module.name
