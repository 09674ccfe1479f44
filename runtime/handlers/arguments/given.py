"""Given: the arguments of a handler that are not decoded: entries, and objects of its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.entry_id import EntryId
from runtime.handlers.arguments import shape
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.handlers.context import ApplicationContext
from runtime.handlers.logger import LOGGER, Logger

Getter = Callable[[Any], Any]
"""Returns an argument for the subject of a call: a request, a message."""


def _logger(subject: object) -> Logger:
    return LOGGER


GIVEN: Mapping[type, Getter] = {Logger: _logger}
"""The types that every caller hands in."""


def getters(
    signature: Signature, by: Caller, scope: ApplicationContext
) -> Iterator[tuple[int, Getter]]:
    """The places of the entries and of the objects of the caller among the parameters."""
    for place, each in enumerate(signature.parameters):
        if each.location == "component":
            yield place, component_getter(scope, each.alias, blocking=by.blocking)
        elif each.location == "given" and (get := given_getter(each.type, by.given)):
            yield place, get


def given_getter(annotation: Any, given: Mapping[type, Getter]) -> Getter | None:
    """The getter for an annotation, `| None` aside; None if the type is not among those given."""
    wanted = shape.without_none(annotation)
    return given.get(wanted) if isinstance(wanted, type) else None


def component_getter(scope: ApplicationContext, id: str, *, blocking: bool) -> Getter:
    """Returns the present component of an entry, whatever the subject.

    A plain `def` gets its `blocking` twin, if there is one. Else a component may say what it hands
    out, by a method `handed_out()`.
    """
    entry = EntryId.parse(id, "")

    def get(subject: object) -> Any:
        component = scope.components.get(entry)
        if component is None:
            raise LookupError(f"'{id}' is no component; name an entry that builds one")
        if blocking and (twin := getattr(component, "blocking", None)) is not None:
            return twin
        hand_out = getattr(component, "handed_out", None)
        return component if hand_out is None else hand_out()

    return get
