"""Foreign: what annotations and defaults have of other frameworks, which says nothing here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect as kinds

from runtime.handlers.arguments import tree

_DEPENDENCY = "let a guard leave it in 'request.state', and write Annotated[…, http.State()]"
_SOURCE = "write Annotated[…, http.{name}()], and its bounds as msgspec.Meta"
_BOUNDS = "write Annotated[…, msgspec.Meta(…)]"

_MENDS = {
    "Depends": _DEPENDENCY,
    "Security": _DEPENDENCY,
    **{
        name: _SOURCE.format(name=name)
        for name in ("Query", "Header", "Cookie", "Path", "Body", "Form", "File")
    },
}
_FRAMEWORKS = ("fastapi", "litestar")
_MODELS = ("pydantic", "pydantic_core", "annotated_types")


def mark_of(value: object, *, within_model: bool = False) -> str | None:
    """The problem with a default, or with what stands in `Annotated`, if another framework's is
    meant: whoever wrote it counts on a check or a dependency that nobody would make.

    `within_model`: the type is pydantic's, which reads its own marks.
    """
    named: Any = value if isinstance(getattr(value, "__name__", None), str) else type(value)
    package = str(getattr(named, "__module__", "")).partition(".")[0]
    if package not in _FRAMEWORKS and (within_model or package not in _MODELS):
        return None
    mend = _MENDS.get(named.__name__, _BOUNDS)
    return f"has {package}'s '{named.__name__}', which says nothing here; {mend}"


def marks_in(annotation: Any, *, within_model: bool = False) -> Iterator[str]:
    """The problems with what stands in `Annotated`, at any depth."""
    pending = [annotation]
    while pending:
        each = pending.pop()
        inner = get_args(each)
        if get_origin(each) is Annotated:
            inner, metadata = inner[:1], inner[1:]
            for value in metadata:
                if problem := mark_of(value, within_model=within_model):
                    yield problem
        pending += inner


def marks_in_records(kind: kinds.Type) -> Iterator[str]:
    """The problems with the fields of the records in a type."""
    for each in tree.walk(kind):
        if not isinstance(each, kinds.StructType | kinds.DataclassType | kinds.TypedDictType):
            continue
        cls: Any = each.cls
        try:
            hints = get_type_hints(cls, include_extras=True)
        except (NameError, TypeError):  # which msgspec could read in its own way
            hints = {}
        for name, annotation in hints.items():
            for text in marks_in(annotation):
                yield f"the field '{name}' of '{cls.__name__}' {text}"
        for name, default in _defaults(cls):
            if (problem := mark_of(default)) is not None:
                yield f"the field '{name}' of '{cls.__name__}' {problem}"


def _defaults(cls: Any) -> Iterator[tuple[str, object]]:
    if is_dataclass(cls):
        yield from ((each.name, each.default) for each in fields(cls))
    elif issubclass(cls, msgspec.Struct):
        yield from ((each.name, each.default) for each in msgspec.structs.fields(cls))
