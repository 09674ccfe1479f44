"""Schemas: JSON Schemas of types, with a legible and stable name for each that is shared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from runtime.engines.web.openapi.generator import CLASSES, REFERENCE, Generator, Schema, title
from runtime.engines.web.openapi.models import describe_models
from runtime.handlers import package
from runtime.handlers.arguments import tree

_PACKAGE = re.compile(rf"\w+{package.SUFFIX}(?:_\d+)?\Z", re.ASCII)
"""The package that an application's folder is in this program, a name of ours."""


class Schemas:
    """The schemas of types, by identity, and the components that they refer to.

    All are made together: only so can two classes of one name be told apart. A type that has no
    schema is described as any value.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        self._types = {id(each): each for each in types}  # kept, so that no id is used again
        known = {key: info for key, each in self._types.items() if (info := _inspect(each))}
        inner = (each for info in known.values() for each in tree.walk(info))
        found = {each.cls: each for each in inner if isinstance(each, CLASSES)}
        others = [cls for cls, info in found.items() if isinstance(info, _Custom)]
        records = {cls: info for cls, info in found.items() if not isinstance(info, _Custom)}
        names = _names({cls: (*_modules(cls), _plain(title(cls))) for cls in records})
        models, parts = describe_models(others, {*names.values()})
        generator = Generator(names, models)
        made = {names[cls]: generator.component(info) for cls, info in records.items()}
        self._schemas = {key: generator.schema(info) for key, info in known.items()}
        self.components: Mapping[str, Schema] = dict(sorted({**made, **parts}.items()))

    def of(self, type: Any) -> Schema:
        """A copy of the schema of one of the types."""
        return dict(self._schemas.get(id(type), {}))


_Custom = msgspec.inspect.CustomType


def referenced(schema: Mapping[str, Any], components: Mapping[str, Schema]) -> Mapping[str, Any]:
    """The schema itself, or the component that it only refers to."""
    reference = schema.get("$ref", "")
    return components.get(reference.removeprefix(REFERENCE), schema) if reference else schema


def reference_to(name: str) -> Schema:
    return {"$ref": REFERENCE + name}


def _inspect(type: Any) -> msgspec.inspect.Type | None:
    try:
        return msgspec.inspect.type_info(type)
    except Exception:  # of any library
        return None


def _modules(cls: Any) -> list[str]:
    """The module of a class, and the classes around it, without our made-up package."""
    origin = getattr(cls, "__origin__", cls)
    words = [*origin.__module__.split("."), *origin.__qualname__.split(".")[:-1]]
    return [word for word in words if word != "<locals>" and not _PACKAGE.fullmatch(word)]


def _plain(text: str) -> str:
    """A name with the characters that a component may have: `Page_Task` for `Page[Task]`."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_")


def _names(paths: Mapping[Any, tuple[str, ...]]) -> dict[Any, str]:
    """For each path the shortest end that no other has: `Task`, else `notes.Task`."""
    ends = Counter(path[-n:] for path in {*paths.values()} for n in range(1, len(path) + 1))
    names: dict[Any, str] = {}
    for cls, path in paths.items():
        own = (path[-n:] for n in range(1, len(path) + 1))
        short = ".".join(next((end for end in own if ends[end] == 1), path))
        name, number = short, 1
        while name in names.values():  # two classes of one place: made by a function, say
            number += 1
            name = f"{short}_{number}"
        names[cls] = name
    return names
