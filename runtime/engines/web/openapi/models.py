"""Models: Pydantic's models, as Pydantic itself describes them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Set
from typing import Any

from runtime.engines.web.openapi.generator import REFERENCE, Schema


def describe_models(
    classes: Iterable[type], taken: Set[str]
) -> tuple[Mapping[Any, Schema], Mapping[str, Schema]]:
    """References to the Pydantic models among some classes, and the components that they name.

    `taken` are the names of other components. Pydantic is not imported: models of it are only
    there if somebody else has.
    """
    pydantic: Any = sys.modules.get("pydantic")
    models = [] if pydantic is None else [c for c in classes if issubclass(c, pydantic.BaseModel)]
    if not models:
        return {}, {}
    try:
        return _describe(models, taken)
    except Exception:  # one of them has a field of a type that Pydantic cannot describe
        references: dict[Any, Schema] = {}
        parts: dict[str, Schema] = {}
        for model in models:
            try:
                own = _describe([model], {*taken, *parts})
            except Exception:
                own = {model: {"title": model.__name__, "type": "object"}}, {}
            references |= own[0]
            parts |= own[1]
        return references, parts


def _describe(models: list[Any], taken: Set[str]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    schema: Any = sys.modules["pydantic"].json_schema
    roots, whole = schema.models_json_schema(
        [(model, "validation") for model in models], ref_template=REFERENCE + "{model}"
    )
    parts: dict[str, Schema] = whole.get("$defs", {})
    names = _names(parts, taken)
    written = {names[key]: _renamed(part, names) for key, part in parts.items()}
    return {model: _renamed(roots[model, "validation"], names) for model in models}, written


def _names(parts: Iterable[str], taken: Set[str]) -> dict[str, str]:
    """The names of components for Pydantic's: it joins modules by `__` where two are the same."""
    names: dict[str, str] = {}
    for key in parts:
        words = key.split("__")
        ends = [".".join(words[-n:]) for n in range(1, len(words) + 1)]
        used = {*taken, *names.values()}
        if len(words) > 1:
            ends = ends[1:]  # the first has a rival
        name = next((end for end in ends if end not in used), f"{ends[-1]}_{len(used)}")
        names[key] = name
    return names


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """A copy of a schema with other names of components."""
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if isinstance(schema, dict):
        return {key: _renamed(each, names) for key, each in schema.items()}
    if isinstance(schema, str) and schema.startswith(REFERENCE):
        name = schema.removeprefix(REFERENCE)
        return REFERENCE + names.get(name, name)
    return schema
