"""runtime graph: the dependency graph, as text, dot or Mermaid."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator

import click

from runtime.cli.options import Chosen, allow_unset_option, application, json_option, load
from runtime.entry_id import EntryId
from runtime.findings.finding import Path as FieldPath
from runtime.linking.link import Link
from runtime.linking.linker import LinkedManifest

Edge = tuple[EntryId, str, EntryId]


@click.command("graph")
@application
@allow_unset_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "dot", "mermaid"]),
    default="text",
    show_default=True,
    help="text to read, dot for Graphviz, mermaid for Markdown.",
)
@json_option
def command(
    chosen: Chosen,
    allow_unset: bool,
    form: str,
    as_json: bool,
) -> None:
    """Draw the entries of the application in DIR, and which each needs by which field or call."""
    linkage = load(chosen, allow_unset)
    if as_json:
        edges = [{"from": str(a), "field": f, "to": str(b)} for a, f, b in _edges(linkage)]
        nodes = [{"id": str(id), "kind": kind} for id, kind in _nodes(linkage)]
        print(json.dumps({"nodes": nodes, "edges": edges}, indent=2))
        return
    draw = {"text": _text, "dot": _dot, "mermaid": _mermaid}[form]
    print("\n".join(draw(linkage)))


def _nodes(linkage: LinkedManifest) -> list[tuple[EntryId, str]]:
    """Every entry with its kind, those of a kind that is not set too."""
    return [(id, entry.kind) for id, entry in linkage.manifest.entries.items()]


def _edges(linkage: LinkedManifest) -> Iterator[Edge]:
    for id, link in linkage.links.items():
        for label, target in _needs(link):
            yield id, label, target


def _needs(link: Link) -> Iterator[tuple[str, EntryId]]:
    """The entries that one names in its fields, then those in the code of its handler."""
    yield from ((_field(path), target) for path, target in link.references.items())
    yield from ((call, target) for target, call in link.uses.items())


def _field(path: FieldPath) -> str:
    """Name of the innermost field of a path: `router` for `meta.router`."""
    return next(str(step) for step in reversed(path) if isinstance(step, str))


def _text(linkage: LinkedManifest) -> Iterator[str]:
    for id, kind in _nodes(linkage):
        yield f"{id}  ({kind})"
        needs = list(_needs(linkage.links[id])) if id in linkage.links else []
        for number, (label, target) in enumerate(needs, 1):
            branch = "└─" if number == len(needs) else "├─"
            yield f"  {branch} {label}: {target}"


def _dot(linkage: LinkedManifest) -> Iterator[str]:
    yield "digraph application {"
    yield '  rankdir=LR; node [shape=box, fontname="sans-serif"]; edge [fontname="sans-serif"];'
    for id, kind in _nodes(linkage):
        yield f'  "{id}" [label="{id}\\n{_escaped(kind)}"];'
    for source, field, target in _edges(linkage):
        yield f'  "{source}" -> "{target}" [label="{_escaped(field)}"];'
    yield "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _mermaid(linkage: LinkedManifest) -> Iterator[str]:
    # Mermaid allows fewer characters in ids than we do, so the nodes are numbered.
    numbers = {id: f"n{number}" for number, id in enumerate(linkage.manifest.entries)}
    yield "flowchart LR"
    for id, kind in _nodes(linkage):
        yield f'  {numbers[id]}["{id}<br/><small>{html.escape(kind)}</small>"]'
    for source, field, target in _edges(linkage):
        label = field if field.isidentifier() else f'"{html.escape(field)}"'
        yield f"  {numbers[source]} -->|{label}| {numbers[target]}"
