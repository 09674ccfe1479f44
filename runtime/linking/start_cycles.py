"""Cycles of services whose own functions, which run at the start, name each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.entry_id import EntryId
from runtime.findings.finding import Problem
from runtime.linking.graph import Graph
from runtime.linking.link import Link, has_handler
from runtime.manifest.entry import Entry


def start_cycles(links: Mapping[EntryId, Link]) -> Iterator[tuple[Entry, Problem]]:
    """A problem for each cycle. Elsewhere code may name what needs it: it runs later."""
    starting = {
        id: link
        for id, link in links.items()
        if link.stage is not None and not link.kind.runs_with and has_handler(link.schema.field)
    }
    needs = {id: [to for to in link.uses if to in starting] for id, link in starting.items()}
    for cycle in Graph(needs).cycles():
        shown = " → ".join(map(str, cycle))
        message = f"a circular need: the code of each names the next, {shown}"
        hint = "have one of them get the other later, in a handler"
        yield links[cycle[0]].entry, Problem(("source",), message, hint)
