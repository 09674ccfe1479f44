"""Assembly: components made from linked entries, each built with what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.kind import BuildContext
from runtime.linking.linker import Link, LinkedManifest
from runtime.supervision.lifecycle import Lifecycle
from runtime.supervision.spec import ServiceSpec


class Assembly(msgspec.Struct, frozen=True):
    """What was built: every component by id in `scope`, and those of them that run."""

    scope: ApplicationContext
    runnables: Mapping[EntryId, ServiceSpec]


def assemble(linkage: LinkedManifest, scope: ApplicationContext, handlers: Handlers) -> Assembly:
    """Build every entry in the graph's order. Raises StartError for a handler that fails."""
    runnables: dict[EntryId, ServiceSpec] = {}
    for id, link in linkage.links.items():
        scope.fields[id] = link.entry.fields
    for id in linkage.graph.order():
        link = linkage.links[id]
        filled = _filled(link, scope)
        component = _build(link, filled, linkage, scope, handlers)
        scope.components[id] = component
        if link.kind.stage is not None:
            lifecycle = Lifecycle.from_fields(filled["lifecycle"])
            runnables[id] = ServiceSpec(id, component, link.kind.stage, lifecycle)
    _compose(linkage, scope)
    return Assembly(scope, runnables)


def _compose(linkage: LinkedManifest, scope: ApplicationContext) -> None:
    for id in reversed(linkage.graph.order()):
        compose = linkage.links[id].kind.compose
        if compose is not None:
            parts = [
                scope.components[other]
                for other, link in linkage.links.items()
                if any(path[0] != "lifecycle" and to == id for path, to in link.references.items())
            ]
            compose(scope.components[id], parts)


def _filled(link: Link, scope: ApplicationContext) -> dict[str, Any]:
    namespace = link.entry.id.namespace
    filled: dict[str, Any] = link.schema.field.fill(
        link.entry.fields, lambda text: scope.components[EntryId.parse(text, namespace)]
    )
    return filled


def _build(
    link: Link,
    filled: Mapping[str, Any],
    linkage: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
) -> Any:
    entry = link.entry

    def position(*path: str | int) -> Position:
        return entry.at(*path)

    context = BuildContext(
        id=entry.id,
        scope=scope,
        handlers=handlers,
        folder=linkage.manifest.folder,
        manifest_folder=entry.folder,
        position=position,
        clock=scope.clock,
        telemetry=scope.telemetry,
    )
    return link.kind.build(typed(link.kind.config, filled), context)


def typed(config: type[Any], values: Mapping[str, Any]) -> Any:
    """A config from a mapping that has (at least) its fields; nested ones by annotation."""
    hints = _hints(cast(Any, config))
    return config(**{name: _nested(hint, values.get(name)) for name, hint in hints.items()})


def _nested(hint: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    choices = get_args(hint) if get_origin(hint) in (Union, _UNION) else (hint,)
    config = next((choice for choice in choices if is_config(choice)), None)
    return value if config is None else typed(config, value)


def is_config(hint: Any) -> bool:
    """Whether it is a class of fields: a Struct, or a dataclass of a kind from outside."""
    return hasattr(hint, "__struct_fields__") or hasattr(hint, "__dataclass_fields__")


_UNION = type(int | None)


@cache
def _hints(config: Any) -> dict[str, Any]:
    return get_type_hints(config)
