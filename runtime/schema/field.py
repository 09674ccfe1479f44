"""Field: what a schema says of one value, compiled so that entries are walked quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.findings.finding import Path
from runtime.units import parse_duration, parse_size

_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {"duration": parse_duration, "size": parse_size}


class Reference:
    """A value that names another entry: where it stands, and the kinds it may be of."""

    __slots__ = ("kinds", "path", "text")

    def __init__(self, path: Path, text: str, kinds: tuple[str, ...]) -> None:
        self.path = path
        self.text = text
        self.kinds = kinds


class Field:
    """One value of an entry: its type, default and conversion, and the fields inside it."""

    def __init__(self, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        merged = dict(schema)
        while "$ref" in merged:
            target = definitions[merged.pop("$ref").rpartition("/")[2]]
            merged = {**target, **merged}
        types = merged.get("type", ())
        self.types: frozenset[str] = frozenset([types] if isinstance(types, str) else types)
        self.required: frozenset[str] = frozenset(merged.get("required", ()))
        self.description: str = merged.get("description", "")
        self.says: str | None = merged.get("x-says")
        self.has_default = "default" in merged
        self.schema: Mapping[str, Any] = merged
        self._default = merged.get("default")
        self._convert = _CONVERSIONS.get(merged.get("x-type", ""))
        self.kinds: tuple[str, ...] = tuple(merged.get("x-ref", ()))
        self.properties = {
            name: Field(inner, definitions) for name, inner in merged.get("properties", {}).items()
        }
        items = merged.get("items")
        self.items = Field(items, definitions) if isinstance(items, dict) else None
        self._has_defaults: bool = any(
            inner.has_default or inner._has_defaults for inner in self.properties.values()
        )
        self._holders = [
            (name, inner) for name, inner in self.properties.items() if inner._leads_to_references
        ]
        self._leads_to_references: bool = bool(
            self.kinds or self._holders or (self.items and self.items._leads_to_references)
        )

    def at(self, path: Path) -> Field | None:
        """The field at `path`, or None where the schema says nothing of it."""
        field: Field | None = self
        for step in path:
            if field is None:
                return None
            field = field.items if isinstance(step, int) else field.properties.get(step)
        return field

    def references(self, value: Any, path: Path = ()) -> Iterator[Reference]:
        """Every id in `value`, which need not be valid."""
        if self.kinds and isinstance(value, str):
            yield Reference(path, value, self.kinds)
        elif self._holders and isinstance(value, dict):
            for name, inner in self._holders:
                if name in value:
                    yield from inner.references(value[name], (*path, name))
        elif self.items and self.items._leads_to_references and isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.items.references(item, (*path, index))

    def explain(self, value: Any) -> Any:
        """A valid value with its defaults in, as a manifest would write it."""
        return self._filled(value, lambda field, text: text)

    def fill(self, value: Any, resolve: Callable[[str], Any]) -> Any:
        """A valid value with defaults in, quantities as numbers, and ids through `resolve`.

        An object that is absent but has defaults inside is there; one that requires a field is
        None. So is every absent field of the entry itself, but inside an object it is left out:
        whoever gets a plain mapping sees what was given and what has a default, nothing else.
        """

        filled: dict[str, Any] = self._filled(value, _conversion(resolve))
        return {**dict.fromkeys(self.properties), **filled}

    def fill_one(self, value: Mapping[str, Any], name: str, resolve: Callable[[str], Any]) -> Any:
        """One field of an entry, as `fill` gives it. Raises KeyError if there is none."""
        if name not in self.properties:
            return value[name]
        return self.properties[name]._filled(value.get(name), _conversion(resolve))

    def _filled(self, value: Any, convert: Callable[[Field, str], Any]) -> Any:
        if value is None:
            value = self._absent()
        if isinstance(value, str):
            return convert(self, value)
        if isinstance(value, dict):
            filled = {
                name: inside
                for name, inner in self.properties.items()
                if (inside := inner._filled(value.get(name), convert)) is not None
            }
            return {**value, **filled}
        if isinstance(value, list):
            items = self.items
            return [item if items is None else items._filled(item, convert) for item in value]
        if isinstance(value, float) and "integer" in self.types:
            return int(value)  # for JSON Schema 2.0 is a whole number
        return value

    def _absent(self) -> Any:
        if self.has_default:
            return self._default
        return {} if self._has_defaults and not self.required else None


def _conversion(resolve: Callable[[str], Any]) -> Callable[[Field, str], Any]:
    """What becomes of a text: an id through `resolve`, a quantity a number."""

    def convert(field: Field, text: str) -> Any:
        if field.kinds:
            return resolve(text)
        return field._convert(text) if field._convert is not None else text

    return convert
