"""Notes: what is no mistake in a manifest without findings, and yet likely meant otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, Level
from runtime.linking.graph import Graph
from runtime.linking.link import Link, LinkedEntry
from runtime.service import Stage


def find_notes(links: Mapping[EntryId, Link], graph: Graph[EntryId]) -> Iterator[Finding]:
    """Find entries that have no effect, and services that nothing starts."""
    starting = graph.reach(id for id, link in links.items() if _auto_starts(links, link))
    for id, link in links.items():
        expected = link.kind.expected
        if expected is not None and link.entry.fields.get(expected.unless) is None:
            kinds = {links[other].entry.kind for other in graph.needed_by[id] if other in links}
            if not any(fnmatchcase(kind, one) for kind in kinds for one in expected.kinds):
                yield _note(link, expected.note, expected.hint)
        if link.stage in _STARTED and id not in starting and not _is_decided(link):
            hint = "write 'lifecycle: {auto_start: true}', or false to say that it is meant so"
            yield _note(link, f"nothing starts '{id}'", hint)


_STARTED = (Stage.PROCESS, Stage.CONSUMER, Stage.SERVER)


def _note(link: Link, message: str, hint: str | None) -> Finding:
    return Finding(link.entry.at("name"), message, hint, Level.NOTE)


def _auto_starts(links: Mapping[EntryId, Link], link: Link) -> bool:
    if link.stage is None or ("lifecycle", "auto_start") in link.entry.unfilled:
        return False
    lifecycle = LinkedEntry(links, link).fields["lifecycle"]
    return bool(lifecycle and lifecycle["auto_start"])


def _is_decided(link: Link) -> bool:
    """True if the manifest says by itself whether the service starts."""
    lifecycle = link.entry.fields.get("lifecycle")
    return isinstance(lifecycle, Mapping) and "auto_start" in lifecycle
