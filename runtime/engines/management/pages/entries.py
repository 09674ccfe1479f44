"""Entries: all entries of the manifests, and one with its lines and what refers to it."""

from __future__ import annotations

import re

from runtime.engines.management.catalog import Catalog, EntryRecord, Reference
from runtime.engines.management.graph import group_of
from runtime.engines.management.pages import words
from runtime.engines.management.pages.action import action
from runtime.engines.management.pages.finder import finder, row
from runtime.engines.management.pages.frame import frame
from runtime.engines.management.pages.markup import (
    badge,
    chip,
    e,
    empty,
    link,
    mono,
    pairs,
    panel,
    path,
)
from runtime.engines.management.pages.sight import Sight
from runtime.units import format_count

_KEY = re.compile(r"^(\s*(?:- )?)([A-Za-z_][\w.-]*)(:)(.*)$")
_FUNCTIONS = ("function.", "http.guard", "http.middleware")


def render_all(sight: Sight, find: str = "") -> str:
    """The table of all entries, in the order of their declaration."""
    catalog = sight.catalog
    counts: dict[str, int] = {}
    for each in catalog.references:
        counts[each.target] = counts.get(each.target, 0) + 1
    rows = "".join(
        row(_table_row(each, counts.get(each.id, 0)), f"{each.id} {each.kind} {each.where}", find)
        for each in catalog.entries.values()
    )
    table = (
        '<table><thead><tr><th>Entry</th><th class="wide">Declared at</th>'
        f'<th class="n">Referred to</th></tr></thead><tbody>{rows}</tbody></table>'
        if rows
        else empty("The manifest is not known here.")
    )
    told = format_count(len(catalog.entries), "entry", "entries")
    shown = panel(
        "All entries", table, hint=told, side=finder("name, kind or file", find), body=False
    )
    refused = "".join(f'<p class="note">{e(text)}</p>' for text in sight.snapshot.refused)
    ask = "Read the folder again, and change to what it says?"
    reload = action(sight.right, "reload", "Reload", "retry", {}, back="/entries", ask=ask)
    body = f'<div class="stack">{refused}{shown}</div>'
    return frame("entries", "Entries", sight, body, side=reload)


def _table_row(entry: EntryRecord, count: int) -> str:
    return (
        f'<td><div class="cell">{badge(group(entry))}<div class="two-line">'
        f"{link(path('entries', entry.id), entry.id, 'name mono')}<small>{e(entry.kind)}</small>"
        f'</div></div></td><td class="wide">{mono(entry.where)}</td>'
        f'<td class="n">{count or ""}</td>'
    )


def render_one(sight: Sight, entry: EntryRecord) -> str:
    """One entry."""
    catalog = sight.catalog
    head = f'{badge(group(entry))}<span class="mono">{e(entry.id)}</span>{chip(entry.kind)}'
    facts = pairs([(name, mono(value)) for name, value in entry.facts.items()])
    fields = panel("As it runs", facts, hint="defaults included", id="fields")
    also = _elsewhere(sight, entry)
    body = f"""<div class="stack"><div class="two">
<div class="stack">{declaration(entry)}{fields if entry.facts else ""}</div>
<div class="stack">{also}{references(catalog, entry)}</div></div></div>"""
    return frame("entries", entry.id, sight, body, head=head)


def declaration(entry: EntryRecord) -> str:
    """The lines of the manifest that declare an entry."""
    changed = (
        f'<p class="sub gap">Changed by {e(", ".join(entry.changed_by))}, whose values are not '
        "shown.</p>"
        if entry.changed_by
        else ""
    )
    lines = "\n".join(_yaml(line) for line in entry.text.splitlines())
    inner = (
        f'<pre class="code" tabindex="0" aria-label="Lines of the manifest">{lines}</pre>{changed}'
    )
    return panel("Manifest", inner, side=mono(entry.where))


def _yaml(line: str) -> str:
    """A line of YAML with its key in colour."""
    if line.lstrip().startswith("#"):
        return f'<span class="y-c">{e(line)}</span>'
    if match := _KEY.match(line):
        indent, key, colon, rest = match.groups()
        return f'{e(indent)}<span class="y-k">{e(key)}</span>{colon}{e(rest)}'
    return e(line)


def references(catalog: Catalog, entry: EntryRecord) -> str:
    """The entries that one names, and those that name it."""
    needs, needed = catalog.needs(entry.id), catalog.needed_by(entry.id)
    leans = _references([(each.target, each) for each in needs], "Names no other entry.")
    used = _references([(each.source, each) for each in needed], "No entry names it.")
    return f"{panel('Leans on', leans, body=False)}{panel('Referred to by', used, body=False)}"


def _references(found: list[tuple[str, Reference]], none: str) -> str:
    if not found:
        return empty(none)
    rows = "".join(
        f'<li><div class="row"><div>{link(path("entries", id), id, "name mono link")}</div>'
        f'<span class="end">{_by(each)}</span></div></li>'
        for id, each in found
    )
    return f'<ul class="list">{rows}</ul>'


def _by(reference: Reference) -> str:
    how = "in its code" if reference.in_code else "by"
    return f"{how} {mono(reference.by)}"


def _elsewhere(sight: Sight, entry: EntryRecord) -> str:
    """Links to the other pages that an entry has."""
    links = []
    if any(each.id == entry.id for each in sight.snapshot.services):
        links.append(link(path("services", entry.id), "Its service"))
    if any(each.id == entry.id for each in sight.snapshot.queues):
        links.append(link(path("queues", entry.id), "Its queue"))
    rows = []
    for each in sight.snapshot.endpoints:
        if each.id == entry.id:
            rows = [
                ("Route", mono(each.route)),
                ("Requests", f"{words.rate(each.rate)}/s"),
                ("p50, p95", f"{words.duration(each.p50)}, {words.duration(each.p95)}"),
                ("Failed in 15 min", f"{each.failed_15m:,}"),
            ]
    if entry.handler:
        rows.append(("Function", mono(entry.handler)))
    if links:
        rows.append(("See also", " · ".join(links)))
    return panel("At work", pairs(rows)) if rows else ""


def group(entry: EntryRecord) -> str:
    if entry.kind.startswith(_FUNCTIONS):
        return "func"
    return group_of(entry.kind) or {"http": "http", "queue": "queue", "auth": "http"}.get(
        entry.kind.partition(".")[0], "proc"
    )
