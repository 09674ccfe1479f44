"""Tree: the types inside a type, as msgspec sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import inspect as kinds


def walk(kind: kinds.Type) -> Iterator[kinds.Type]:
    """The type and all that is inside it, each once: types may contain themselves."""
    pending, seen = [kind], set[int]()
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += _inner(each)


def _inner(kind: kinds.Type) -> Sequence[kinds.Type]:
    match kind:
        case kinds.Metadata(type=inner):
            return [inner]
        case kinds.UnionType(types=types) | kinds.TupleType(item_types=types):
            return types
        case kinds.DictType(key_type=key, value_type=value):
            return [key, value]
        case _ if (fields := getattr(kind, "fields", None)) is not None:
            return [field.type for field in fields]
        case _ if (item := getattr(kind, "item_type", None)) is not None:
            return [item]
        case _:
            return []
