"""Field: one value of an entry as its schema describes it, compiled for fast traversal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.findings.finding import Path
from runtime.units import parse_duration, parse_rate, parse_size

_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "duration": parse_duration,
    "size": parse_size,
    "rate": parse_rate,
}


class Reference:
    """A value that names another entry: its path, its text, and the kinds it may be of."""

    __slots__ = ("inline", "kinds", "path", "text")

    def __init__(self, path: Path, text: str, kinds: tuple[str, ...], inline: str | None) -> None:
        self.path = path
        self.text = text
        self.kinds = kinds
        self.inline = inline if inline and "://" in text else None
        """The kind that stands here itself, if the text names a function in place of an entry."""


class Field:
    """One value of an entry: its types, default and conversion, and the fields nested in it."""

    def __init__(self, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        merged = dict(schema)
        while "$ref" in merged:
            target = definitions[merged.pop("$ref").rpartition("/")[2]]
            merged = {**target, **merged}
        types = merged.get("type", ())
        self.types: frozenset[str] = frozenset([types] if isinstance(types, str) else types)
        self.required: frozenset[str] = frozenset(merged.get("required", ()))
        self.description: str = merged.get("description", "")
        self.expected: str | None = merged.get("x-expected")
        """The end of `'x' is 5, not …`, for errors; a hint may follow after a semicolon."""
        self.has_default = "default" in merged
        self.schema: Mapping[str, Any] = merged
        self._default = merged.get("default")
        self._convert = _CONVERSIONS.get(merged.get("x-type", ""))
        self.kinds: tuple[str, ...] = tuple(merged.get("x-ref", ()))
        """Kinds, or patterns of kinds, that this field may name; empty if it is no reference."""
        self.has_names: bool = "x-names" in merged
        """True if a text without a namespace is a name, and no reference."""
        self.inline: str | None = merged.get("x-inline")
        """The kind of entry whose function this field may name in its place, if there is one."""
        self.properties = {
            name: Field(inner, definitions) for name, inner in merged.get("properties", {}).items()
        }
        items = merged.get("items")
        self.items = Field(items, definitions) if isinstance(items, dict) else None
        self._has_defaults: bool = any(
            inner.has_default or inner._has_defaults for inner in self.properties.values()
        )
        self._with_references = [
            (name, inner) for name, inner in self.properties.items() if inner._has_references
        ]
        self.may_be_implied: bool = bool(merged.get("x-only"))
        """True if the reference may be left out where only one entry can be meant."""
        self._with_omissible: list[tuple[str, Field]] = [
            (name, inner)
            for name, inner in self.properties.items()
            if inner.may_be_implied or inner._with_omissible
        ]
        self._has_references: bool = bool(
            self.kinds or self._with_references or (self.items and self.items._has_references)
        )

    def at(self, path: Path) -> Field | None:
        """The field at `path`, or None if the schema does not declare it."""
        field: Field | None = self
        for step in path:
            if field is None:
                return None
            field = field.items if isinstance(step, int) else field.properties.get(step)
        return field

    def references(self, value: Any, path: Path = ()) -> Iterator[Reference]:
        """Yield every reference in `value`, which need not be valid."""
        if isinstance(value, str) and self.is_reference(value):
            yield Reference(path, value, self.kinds, self.inline)
        elif self._with_references and isinstance(value, dict):
            for name, inner in self._with_references:
                if name in value:
                    yield from inner.references(value[name], (*path, name))
        elif self.items and self.items._has_references and isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.items.references(item, (*path, index))

    def is_reference(self, text: str) -> bool:
        """True if the field's value `text` names an entry."""
        return bool(self.kinds) and not (self.has_names and ":" not in text)

    def omitted(self, value: Any, path: Path = ()) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Yield the references that `value` leaves out and may: the path and kinds of each."""
        if isinstance(value, dict):
            for name, inner in self._with_omissible:
                if not inner.may_be_implied:
                    yield from inner.omitted(value.get(name, {}), (*path, name))
                elif name not in value:
                    yield (*path, name), inner.kinds

    def explain(self, value: Any) -> Any:
        """Fill in the defaults of a valid value and convert nothing: what a manifest could say."""
        return self._fill(value, lambda field, text: text)

    def fill(self, value: Any, resolve: Callable[[str], Any]) -> Any:
        """Fill in the defaults of a valid entry, convert quantities, and pass ids to `resolve`.

        Every absent field of the entry itself is None. Inside nested objects, absent fields
        without a default are left out. An absent object is built from its defaults, unless it
        requires a field.
        """
        filled: dict[str, Any] = self._fill(value, _conversion(resolve))
        return {**dict.fromkeys(self.properties), **filled}

    def fill_one(self, value: Mapping[str, Any], name: str, resolve: Callable[[str], Any]) -> Any:
        """Fill a single field of an entry, as `fill` would. Raises KeyError if there is none."""
        if name not in self.properties:
            return value[name]
        return self.properties[name]._fill(value.get(name), _conversion(resolve))

    def _fill(self, value: Any, convert: Callable[[Field, str], Any]) -> Any:
        if value is None:
            value = self._default_value()
        elif value is True and self.properties:
            value = {}  # all the defaults of what may be a boolean or an object
        if isinstance(value, str):
            return convert(self, value)
        if isinstance(value, dict):
            filled = {
                name: item
                for name, inner in self.properties.items()
                if (item := inner._fill(value.get(name), convert)) is not None
            }
            return {**value, **filled}
        if isinstance(value, list):
            items = self.items
            return [item if items is None else items._fill(item, convert) for item in value]
        if isinstance(value, float) and "integer" in self.types:
            return int(value)  # JSON Schema counts 2.0 as an integer
        return value

    def _default_value(self) -> Any:
        if self.has_default:
            return self._default
        is_built = self._has_defaults and not self.required and "x-of" not in self.schema
        return {} if is_built else None


def _conversion(resolve: Callable[[str], Any]) -> Callable[[Field, str], Any]:
    """Build the conversion of strings: ids through `resolve`, quantities to numbers."""

    def convert(field: Field, text: str) -> Any:
        if field.is_reference(text):
            return resolve(text)
        return field._convert(text) if field._convert is not None else text

    return convert
