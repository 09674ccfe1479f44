"""Assembly: components made from linked entries, each built with those that it refers to."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import cache, partial
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


class Made(msgspec.Struct, frozen=True):
    """The config of a component, as it was built or last revised."""

    config: Any
    context: BuildContext
    stamp: object = None
    """Tells if the files that it was made from are still the same."""


class Assembly(msgspec.Struct, frozen=True):
    """The components of a linked manifest by id, and those of them that run."""

    linked: LinkedManifest
    components: Mapping[EntryId, Any]
    services: Mapping[EntryId, ServiceSpec]
    made: Mapping[EntryId, Made]

    @property
    def fields(self) -> dict[EntryId, Mapping[str, Any]]:
        """The fields of all entries, as they stand in the manifest."""
        return {id: link.entry.fields for id, link in self.linked.links.items()}


def service_of(link: Link, component: Any, linked: LinkedManifest) -> ServiceSpec | None:
    """A component as the supervisor runs it; None for one that does not run."""
    if link.stage is None:
        return None
    lifecycle = Lifecycle.from_fields(LinkedEntry(linked.links, link).fields["lifecycle"])
    coexists = link.kind.coexists
    return ServiceSpec(
        link.entry.id,
        component,
        link.stage,
        lifecycle,
        partial(coexists, component) if coexists is not None else None,
    )


def compose(assembly: Assembly) -> None:
    """Give each component those that refer to it, dependents first. Raises StartError."""
    referring: dict[EntryId, list[EntryId]] = {id: [] for id in assembly.components}
    for id, link in assembly.linked.links.items():
        targets = {to for path, to in link.references.items() if path[0] != "lifecycle"}
        for target in targets:
            referring[target].append(id)
    for id in reversed(assembly.linked.graph.order()):
        composing = assembly.linked.links[id].kind.compose
        if composing is not None:
            composing(
                assembly.components[id], [assembly.components[other] for other in referring[id]]
            )


def made_from(
    link: Link,
    components: Mapping[EntryId, Any],
    linked: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
    uses: Collection[EntryId] | None = None,
) -> Made:
    """The config of an entry. Builds the functions that it holds. Raises StartError.

    `uses` are the entries that its code names, if not those of the link.
    """
    used = link.uses if uses is None else uses
    functions = {
        link.entry.value(path): build(inner, components, linked, scope, handlers, used)
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
        holds=any(id in linked.links and linked.links[id].stage is not None for id in used),
        stop_timeout=(filled.get("lifecycle") or {}).get("stop_timeout", math.inf),
    )
    return Made(typed(link.kind.config, filled), context)


def build(
    link: Link,
    components: Mapping[EntryId, Any],
    linked: LinkedManifest,
    scope: ApplicationContext,
    handlers: Handlers,
    uses: Collection[EntryId] | None = None,
) -> Any:
    """The component of an entry, and before it those of the functions that it holds."""
    made = made_from(link, components, linked, scope, handlers, uses)
    return link.kind.build(made.config, made.context)


def typed(config: type[Any], values: Mapping[str, Any]) -> Any:
    """A config from a mapping that has at least its fields; nested configs by their annotations."""
    hints = hints_of(cast(Any, config))
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
def hints_of(config: Any) -> dict[str, Any]:
    """The fields of a config, by name, with their types."""
    return get_type_hints(config)
