"""Preparation: those who use an entry in their code wait for what prepares it: its migrations."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.entry_id import EntryId
from runtime.linking.link import Link, LinkedEntry


def find_waits(links: Mapping[EntryId, Link]) -> dict[EntryId, list[EntryId]]:
    """The entries that each has to wait for, beyond those that it names."""
    waits: dict[EntryId, list[EntryId]] = {}
    for id, link in links.items():
        if link.kind.prepares is None or not _auto_starts(links, link):
            continue
        prepared = link.references.get((link.kind.prepares,))
        for user, other in links.items():
            if prepared in other.uses:
                waits.setdefault(user, []).append(id)
    return waits


def _auto_starts(links: Mapping[EntryId, Link], link: Link) -> bool:
    if ("lifecycle", "auto_start") in link.entry.unfilled:
        return False
    return bool(LinkedEntry(links, link).fields["lifecycle"]["auto_start"])
