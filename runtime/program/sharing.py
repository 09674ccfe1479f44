"""Sharing: what several processes of one application would each have for themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runtime.application.selection import Selection, stage
from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, Problem
from runtime.linking.kind_check import LinkedEntry
from runtime.linking.linker import Link, LinkedManifest
from runtime.registry import Registry
from runtime.service import Stage


def copied(linkage: LinkedManifest, selection: Selection) -> Iterator[Finding]:
    """What would not be one thing any more if several workers ran it."""
    for id in selection.further(linkage).running(linkage):
        link = linkage.links[id]
        if problem := _unshared(linkage, link):
            yield _finding(link, problem, "each worker would have its own")


def torn(linkage: LinkedManifest, selection: Selection) -> Iterator[Finding]:
    """Queues of this process alone, whose two ends a selection leaves in different processes."""
    running = {*selection.running(linkage)}
    feeders = [id for id in selection.left_out if stage(linkage, id) is not Stage.CONSUMER]
    for id in running:
        link = linkage.links[id]
        problem = _unshared(linkage, link)
        if problem is None or stage(linkage, id) is not Stage.RESOURCE:
            continue
        for queue, consumers in _consumers(linkage, id, running.union(selection.left_out)):
            staying = running.intersection(consumers)
            if not staying:
                names = _names(consumers)
                why = f"what takes the messages of '{queue}' is left out: {names}"
                yield _finding(link, problem, why)
            elif feeders:
                why = f"what may publish into '{queue}' is left out: {_names(feeders)}"
                yield _finding(link, problem, why)


def _consumers(
    linkage: LinkedManifest, driver: EntryId, services: Iterable[EntryId]
) -> Iterator[tuple[EntryId, list[EntryId]]]:
    """Each queue that `driver` keeps, and the consumers that name it."""
    kept = linkage.graph.reach([driver], dependents=True)
    takers = [id for id in linkage.links if id in services and stage(linkage, id) is Stage.CONSUMER]
    for queue in linkage.links:
        if queue in kept and driver in linkage.graph.needs[queue]:
            consumers = [id for id in takers if queue in linkage.graph.needs[id]]
            if consumers:
                yield queue, consumers


def _unshared(linkage: LinkedManifest, link: Link) -> Problem | None:
    shared = link.kind.shared
    if not isinstance(shared, bool):
        return shared(LinkedEntry(linkage.links, link))
    if shared:
        return None
    kind = link.entry.as_written("kind")
    message = f"'{link.entry.id}' is of kind {kind}, which works within one process"
    return Problem(("kind",), message, _instead(link.kind.name))


def _instead(kind: str) -> str | None:
    """The kinds of the same family that several processes share."""
    registry = Registry()
    family = kind.rpartition(".")[0]
    names = [name for name in registry.built_in if name.rpartition(".")[0] == family]
    fitting = sorted(name for name in names if registry[name].shared is True)
    return f"use {' or '.join(fitting)}" if fitting else None


def _finding(link: Link, problem: Problem, why: str) -> Finding:
    place = link.entry.at(*problem.path)
    return Finding(place, f"{problem.message}, and {why}", problem.hint)


def _names(ids: Iterable[EntryId]) -> str:
    return ", ".join(map(str, ids))
