"""Requirements: entries that `lifecycle.requires` names in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.entry_id import EntryId
from runtime.findings.finding import Problem
from runtime.linking.graph import Graph
from runtime.linking.link import Link, LinkedEntry
from runtime.manifest.entry import Entry


def check_requirements(
    links: Mapping[EntryId, Link], graph: Graph[EntryId]
) -> Iterator[tuple[Entry, Problem]]:
    """Find required processes whose service does not start: a process does not run by itself."""
    for link in links.values():
        for path, target in link.references.items():
            if path[0] != "lifecycle" or not _is_process(links[target]):
                continue
            services = [
                id
                for id in graph.needed_by[target]
                if links[id].stage is not None and links[id].references.get(("process",)) == target
            ]
            if services and not any(_starts(id, links, graph) for id in services):
                message = f"'{target}' does not run by itself, and nothing starts its service"
                yield link.entry, Problem(path, message, f"write {services[0]}")


def _is_process(link: Link) -> bool:
    return link.stage is None and link.kind.name.startswith("process.")


def _starts(id: EntryId, links: Mapping[EntryId, Link], graph: Graph[EntryId]) -> bool:
    """True if a service starts with the application, or something needs it."""
    link = links[id]
    if graph.needed_by[id] or ("lifecycle", "auto_start") in link.entry.unfilled:
        return True
    return bool(LinkedEntry(links, link).fields["lifecycle"]["auto_start"])
