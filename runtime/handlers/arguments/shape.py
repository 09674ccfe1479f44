"""Shape: tells records, collections and single values apart."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping, Sequence, Set
from typing import Annotated, Any, NewType, Union, get_args, get_origin, is_typeddict

import msgspec


def bare(annotation: Any) -> Any:
    """The type without `Annotated`, `NewType` and the name of an alias."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def choices(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; of any other type, the type itself."""
    annotation = bare(annotation)
    return get_args(annotation) if is_union(annotation) else (annotation,)


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def without_none(annotation: Any) -> Any:
    """`T` of `T | None`; any other type as it is."""
    members = [each for each in choices(annotation) if each is not type(None)]
    return members[0] if len(members) == 1 else bare(annotation)


_LISTS = (list, tuple, set, frozenset, Set, Sequence)
_TEXTS = (str, bytes, bytearray, memoryview)


def is_unknown(annotation: Any) -> bool:
    """True for a type that says nothing: `Any` and `object`."""
    return annotation is Any or annotation is object


def is_record(annotation: Any) -> bool:
    """True for a Struct, dataclass, TypedDict, named tuple, attrs class or pydantic model."""
    cls = bare(annotation)
    cls = get_origin(cls) or cls
    if not isinstance(cls, type):
        return is_typeddict(cls)
    return (
        issubclass(cls, msgspec.Struct)
        or is_typeddict(cls)
        or (issubclass(cls, tuple) and hasattr(cls, "_fields"))
        or any(hasattr(cls, mark) for mark in _RECORDS)
    )


_RECORDS = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__")


def is_list(annotation: Any) -> bool:
    """True for a list, set or tuple, that of `None` alone aside."""
    cls = without_none(annotation)
    cls = get_origin(bare(cls)) or bare(cls)
    return isinstance(cls, type) and not is_record(cls) and _holds_items(cls)


def is_document(annotation: Any) -> bool:
    """True for what needs a document to be sent in: a record, a mapping, a list of them."""
    return any(_is_document(each) for each in choices(annotation))


def _is_document(annotation: Any) -> bool:
    annotation = bare(annotation)
    cls = get_origin(annotation) or annotation
    if is_record(annotation):
        return True
    if not isinstance(cls, type):
        return False
    if issubclass(cls, Mapping):
        return True
    if not _holds_items(cls):
        return False
    items = get_args(annotation)
    return not items or any(
        is_unknown(each) or is_document(each) or is_list(each) for each in items if each is not ...
    )


def _holds_items(cls: type) -> bool:
    return issubclass(cls, _LISTS) and not issubclass(cls, _TEXTS)


def uses_pydantic(annotation: Any) -> bool:
    """True if a model of pydantic is in the type. Then whoever wrote it has imported pydantic."""
    pydantic = sys.modules.get("pydantic")
    model = getattr(pydantic, "BaseModel", None)
    if model is None:
        return False
    pending = [annotation]
    while pending:
        each = bare(pending.pop())
        if isinstance(each, type) and issubclass(each, model):
            return True
        pending += get_args(each)
    return False
