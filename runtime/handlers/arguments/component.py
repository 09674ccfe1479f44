"""Component: what a handler gets for the entry that an annotation names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext


def component_getter(
    scope: ApplicationContext, id: str, *, blocking: bool
) -> Callable[[object], Any]:
    """A function that returns the present component of an entry, whatever it is called with.

    A component may say what it hands out, by a method `handed_out()`. A plain `def` gets its
    `blocking` twin, if there is one.
    """
    entry = EntryId.parse(id, "")

    def get(subject: object) -> Any:
        component = scope.components.get(entry)
        if component is None:
            raise LookupError(f"'{id}' is no component; name an entry that builds one")
        hand_out = getattr(component, "handed_out", None)
        if hand_out is not None:
            return hand_out()
        return getattr(component, "blocking", component) if blocking else component

    return get
