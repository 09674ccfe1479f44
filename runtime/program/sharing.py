"""Sharing: parts of an application that work only within one process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runtime.application.selection import Selection, stage
from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, Problem
from runtime.linking.link import Link, LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.registry import Registry
from runtime.service import Stage


def find_duplicates(linked: LinkedManifest, selection: Selection) -> Iterator[Finding]:
    """Findings about services that several workers could not share: each would have its own."""
    for id in selection.without_processes(linked).running(linked):
        link = linked.links[id]
        if problem := _single_process_problem(linked, link):
            yield _finding(link, problem, "each worker would have its own")


def find_separations(linked: LinkedManifest, selection: Selection) -> Iterator[Finding]:
    """Findings about queues within one process of which a selection leaves out one end."""
    running = {*selection.running(linked)}
    publishers = [id for id in selection.left_out if stage(linked, id) is not Stage.CONSUMER]
    for id in running:
        link = linked.links[id]
        problem = _single_process_problem(linked, link)
        if problem is None or stage(linked, id) is not Stage.RESOURCE:
            continue
        for queue, consumers in _consumers(linked, id, running.union(selection.left_out)):
            if running.isdisjoint(consumers):
                names = _names(consumers)
                why = f"what takes the messages of '{queue}' is left out: {names}"
                yield _finding(link, problem, why)
            elif publishers:
                why = f"what may publish into '{queue}' is left out: {_names(publishers)}"
                yield _finding(link, problem, why)


def _consumers(
    linked: LinkedManifest, driver: EntryId, services: Iterable[EntryId]
) -> Iterator[tuple[EntryId, list[EntryId]]]:
    """Each queue of `driver`, with its consumers among `services`."""
    graph = linked.graph
    dependents = graph.reach([driver], dependents=True)
    all_consumers = [
        id for id in linked.links if id in services and stage(linked, id) is Stage.CONSUMER
    ]
    for queue, link in linked.links.items():
        if queue in dependents and driver in link.references.values():
            consumers = [id for id in all_consumers if id == queue or queue in graph.needs[id]]
            if consumers:
                yield queue, consumers


def _single_process_problem(linked: LinkedManifest, link: Link) -> Problem | None:
    """The reason why several processes cannot share the entry; None if they can."""
    multiprocess = link.kind.multiprocess
    if not isinstance(multiprocess, bool):
        return multiprocess(LinkedEntry(linked.links, link))
    if multiprocess:
        return None
    kind = link.entry.kind
    message = f"'{link.entry.id}' is of kind {kind}, which works within one process"
    return Problem(("kind",), message, _alternatives(link.kind.name))


def _alternatives(kind: str) -> str | None:
    """A hint that names the kinds of the same family that several processes can share."""
    registry = Registry()
    family = kind.rpartition(".")[0]
    names = [name for name in registry.built_in if name.rpartition(".")[0] == family]
    suitable = sorted(name for name in names if registry[name].multiprocess is True)
    return f"use {' or '.join(suitable)}" if suitable else None


def _finding(link: Link, problem: Problem, why: str) -> Finding:
    place = link.entry.at(*problem.path)
    return Finding(place, f"{problem.message}, and {why}", problem.hint)


def _names(ids: Iterable[EntryId]) -> str:
    return ", ".join(map(str, ids))
