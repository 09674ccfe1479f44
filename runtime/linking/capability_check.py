"""Capabilities that the code of a handler needs of a queue, and its driver does not have."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.entry_id import EntryId
from runtime.findings.finding import Path, Problem
from runtime.linking.code.file import Use
from runtime.linking.link import Link

_PUBLISHES = ("queue.publish", "queue.publish_many", "events.publish")
_ARGUMENTS = ("unique", "priority", "transaction")
"""Arguments of these, named like the capabilities that they need."""
_CALLS = {"status": "tasks", "cancel": "tasks", "pause": "pause", "resume": "pause"}
"""The capability that each of these functions of `queue` needs."""
_DRIVER: Path = ("driver",)
_OTHER_QUEUE: Path = ("dead_letter", "queue")


def missing_capability(links: Mapping[EntryId, Link], id: EntryId, use: Use) -> Problem | None:
    """The problem with a call that names the entry `id`, if its driver lacks what that needs."""
    queue = links.get(id)
    if queue is None:
        return None
    if use.callee.name in _PUBLISHES:
        for name in _ARGUMENTS:
            if name in use.keywords and (why := _unsupported(links, queue, name)):
                message = f"'{id}' takes no '{name}': {why}"
                return Problem((), message, _mend(queue))
    if use.callee.name == "queue.dead_letters" and (place := queue.references.get(_OTHER_QUEUE)):
        other = links.get(place)
        if other is not None and (why := _unsupported(links, other, "dead_letters")):
            message = f"the dead letters of '{id}' in '{place}' cannot be listed: {why}"
            return Problem((), message, f"leave 'dead_letter.queue' out of '{id}'")
    module, _, name = use.callee.name.partition(".")
    capability = _CALLS.get(name) if module == "queue" else None
    if capability and (why := _unsupported(links, queue, capability)):
        driver = queue.references[_DRIVER]
        message = f"'{id}' has no '{name}': {why}"
        return Problem((), message, f"leave it out, or make '{driver}' a queue.driver.sql")
    return None


def _unsupported(links: Mapping[EntryId, Link], queue: Link, capability: str) -> str | None:
    driver = links.get(queue.references.get(_DRIVER, queue.entry.id))
    return None if driver is None else driver.kind.unsupported.get(capability)


def _mend(queue: Link) -> str:
    driver = queue.references[_DRIVER]
    return f"leave it out, or make '{driver}' a queue.driver.sql"
