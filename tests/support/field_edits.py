"""Edits of each field of a kind, made from its schema."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import msgspec

from runtime.registry import Registry

Entry = Mapping[str, Any]
Field = Mapping[str, Any]

TEXTS = {
    "duration": ("7s", "70s", "700ms"),
    "rate": ("7/s",),
    "size": ("7MiB", "70KiB"),
}
"""Values by `x-type`."""


class FieldEdits(msgspec.Struct, frozen=True):
    """A field, and other values of it: some may be wrong, as schemas do not tell all."""

    kind: str
    path: tuple[str, ...]
    has_effect: bool
    """False for notes, and for fields that the entry need not have, as nothing reads them."""
    entries: Sequence[Entry]
    """The entry with each of these values, the likeliest first."""

    @property
    def name(self) -> str:
        return f"{self.kind} {'.'.join(self.path)}"


def edits(
    kind: str, manifest: Sequence[Entry], by_hand: Mapping[str, Entry], registry: Registry
) -> Iterator[FieldEdits]:
    """Edits of each field of the entries of a kind: of the first that has it, or else of the first.

    `by_hand` goes before what the schema tells: see `every_kind`.
    """
    document = registry.schema(kind).document
    entries = [each for each in manifest if each["kind"] == kind]
    assert entries, f"there is no entry of the kind '{kind}'; add one to ENTRIES"
    fields = _Fields(document["$defs"], manifest)
    runs = registry[kind].stage is not None
    for path, field in fields.below(document):
        name = ".".join(path)
        if name in ("name", "kind"):
            continue
        entry = next((each for each in entries if path[0] in each), entries[0])
        given = by_hand.get(f"{kind} {name}", by_hand.get(name))
        edited = [{**entry, **given}] if given else fields.edited(entry, path, field)
        foreign = "x-of" in document["properties"][path[0]]
        idle = path[0] == "lifecycle" and path[1] not in ("requires", "depends_on") and not runs
        has_effect = not (foreign or idle or name == "meta")
        yield FieldEdits(kind, path, has_effect, [_present(each) for each in edited])


def _present(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if value is not None}


class _Fields(msgspec.Struct, frozen=True):
    definitions: Mapping[str, Field]
    manifest: Sequence[Entry]

    def below(
        self, field: Field, outer: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], Field]]:
        """The fields in a schema, and those in its maps; maps in these are fields as a whole."""
        for name, inner in sorted(field["properties"].items()):
            resolved = self.resolve(inner)
            if "properties" in resolved and not outer:
                yield from self.below(resolved, (name,))
                if resolved["type"] == "object" and name != "meta":
                    continue
            yield (*outer, name), resolved

    def resolve(self, field: Field) -> Field:
        definition = str(field.get("$ref", "")).rpartition("/")[2]
        return {**self.definitions[definition], **field} if definition else field

    def edited(self, entry: Entry, path: Sequence[str], field: Field) -> Iterator[Entry]:
        place: Any = entry
        for name in path[:-1]:
            place = place.get(name, {}) if isinstance(place, Mapping) else {}
        present = place.get(path[-1])
        for value in self.values(field, field.get("default") if present is None else present):
            if repr(value) != repr(present):
                yield changed(entry, path, value)

    def values(self, field: Field, present: Any) -> Iterator[Any]:
        for pattern in field.get("x-ref", ()):
            yield from (each["name"] for each in self.manifest if fnmatch(each["kind"], pattern))
        yield from (each for each in field.get("enum", ()) if each != present)
        yield from TEXTS.get(field.get("x-type", ""), ())
        types = field.get("type", ())
        for type in [types] if isinstance(types, str) else types:
            yield from self._of_type(type, field, present)

    def _first(self, field: Field) -> Any:
        field = self.resolve(field)
        return next(self.values(field, field.get("default")))

    def _of_type(self, type: str, field: Field, present: Any) -> Iterable[Any]:
        if type == "boolean":
            return (not present,)
        if type in ("integer", "number"):
            number = present if isinstance(present, int | float) else field.get("minimum", 1)
            return (number / 2, number + 1) if type == "number" else (number + 1,)
        if type == "object":
            closed = field.get("additionalProperties", True) is False
            inner = field["properties"].items() if closed else ()
            named = {name: self._first(each) for name, each in inner} or {"colour": "blue"}
            return ({**(present if isinstance(present, Mapping) else {}), **named},)
        if type == "array":
            items = [*self.values(self.resolve(field.get("items", {})), None)]
            before = present if isinstance(present, list) else []
            return [[*before, item] for item in items if item not in before]
        return (f"{present}x", "x", "/x")


def changed(entry: Entry, path: Sequence[str], value: Any) -> Entry:
    """The entry with another value there."""
    result: Any = copy.deepcopy(dict(entry))
    place = result
    for name in path[:-1]:
        if not isinstance(place.get(name), dict):
            place[name] = {}
        place = place[name]
    place[path[-1]] = value
    return result
