"""Assembly: components made from linked entries, each built with those that it refers to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handlers
from runtime.kind import BuildContext
from runtime.linking.link import Link, LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.supervision.lifecycle import Lifecycle
from runtime.supervision.spec import ServiceSpec


class Assembly(msgspec.Struct, frozen=True):
    """The components of a linked manifest by id, and those of them that run."""

    linked: LinkedManifest
    components: Mapping[EntryId, Any]
    services: Mapping[EntryId, ServiceSpec]


def assemble(
    linked: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
    previous: Assembly | None = None,
    stale: AbstractSet[str] = frozenset(),
) -> Assembly:
    """Build the component of every entry in the order of the graph, then compose them.

    The component of an entry that is as it was in `previous` is taken from there, provided that
    the same is true of everything it refers to, in its fields and in its code, and that its handler
    is in none of the modules `stale`, which are imported anew. Raises StartError,
    for a handler that cannot be imported for one; the components of `previous` are then composed as
    before.
    """
    components: dict[EntryId, Any] = {}
    services: dict[EntryId, ServiceSpec] = {}
    changed: set[EntryId] = set()
    for id in linked.graph.order():
        link = linked.links[id]
        if (
            previous is not None
            and _is_unchanged(link, linked, previous, changed)
            and stale.isdisjoint(_modules_of(link, handlers))
        ):
            components[id] = previous.components[id]
        else:
            changed.add(id)
            components[id] = _build(link, components, linked, scope, handlers)
        if link.stage is not None:
            lifecycle = Lifecycle.from_fields(LinkedEntry(linked.links, link).fields["lifecycle"])
            services[id] = ServiceSpec(id, components[id], link.stage, lifecycle)
    assembly = Assembly(linked, components, services)
    try:
        _compose(assembly)
    except Exception:
        if previous is not None:
            _compose(previous)
        raise
    return assembly


def _is_unchanged(
    link: Link, linked: LinkedManifest, previous: Assembly, changed: AbstractSet[EntryId]
) -> bool:
    """True if building the entry again would make the same component as before.

    So it is with a service that its code names, whose connection or value it may keep.
    """
    old = previous.linked.links.get(link.entry.id)
    return (
        old is not None
        and old.kind is link.kind
        and old.entry.folder == link.entry.folder
        and _config_fields(old) == _config_fields(link)
        and changed.isdisjoint(id for path, id in link.references.items() if path[0] != "lifecycle")
        and changed.isdisjoint(id for id in link.uses if linked.links[id].stage is not None)
    )


def _modules_of(link: Link, handlers: Handlers) -> Iterator[str]:
    """The modules of the functions that an entry names and holds."""
    for each in link.handlers:
        yield handlers.module(each.entry.fields["source"], each.entry.folder)


def _config_fields(link: Link) -> str:
    """The fields that the builder sees, in a form that tells 1 from true."""
    return repr({name: link.entry.fields.get(name) for name in _hints(cast(Any, link.kind.config))})


def _compose(assembly: Assembly) -> None:
    """Give each component those that refer to it, dependents first."""
    referring: dict[EntryId, list[EntryId]] = {id: [] for id in assembly.components}
    for id, link in assembly.linked.links.items():
        targets = {to for path, to in link.references.items() if path[0] != "lifecycle"}
        for target in targets:
            referring[target].append(id)
    for id in reversed(assembly.linked.graph.order()):
        compose = assembly.linked.links[id].kind.compose
        if compose is not None:
            compose(
                assembly.components[id], [assembly.components[other] for other in referring[id]]
            )


def _build(
    link: Link,
    components: Mapping[EntryId, Any],
    linked: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
) -> Any:
    """The component of an entry, and before it those of the functions that it holds."""
    functions = {
        link.entry.value(path): _build(inner, components, linked, scope, handlers)
        for path, inner in link.inline.items()
    }

    def resolve(text: str) -> Any:
        if text in functions:
            return functions[text]
        return components[EntryId.parse(text, link.entry.id.namespace)]

    filled = link.schema.field.fill(link.entry.fields, resolve)
    context = BuildContext(
        id=link.entry.id,
        scope=scope,
        handlers=handlers,
        folder=linked.manifest.folder,
        manifest_folder=link.entry.folder,
        position=link.entry.at,
        clock=scope.clock,
        telemetry=scope.telemetry,
        stop_timeout=(filled.get("lifecycle") or {}).get("stop_timeout", math.inf),
    )
    return link.kind.build(typed(link.kind.config, filled), context)


def typed(config: type[Any], values: Mapping[str, Any]) -> Any:
    """A config from a mapping that has at least its fields; nested configs by their annotations."""
    hints = _hints(cast(Any, config))
    return config(**{name: _nested(hint, values.get(name)) for name, hint in hints.items()})


def _nested(hint: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    choices = get_args(hint) if get_origin(hint) in (Union, _UNION) else (hint,)
    config = next((choice for choice in choices if is_config(choice)), None)
    return value if config is None else typed(config, value)


def is_config(hint: Any) -> bool:
    """True for a class of fields: a Struct, or a dataclass of a kind from outside."""
    return hasattr(hint, "__struct_fields__") or hasattr(hint, "__dataclass_fields__")


_UNION = type(int | None)


@cache
def _hints(config: Any) -> dict[str, Any]:
    return get_type_hints(config)
