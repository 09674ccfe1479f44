"""Unmade: databases whose files nobody has made yet, as a command finds them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from msgspec.structs import replace

from runtime.entry_id import EntryId
from runtime.findings.finding import printable
from runtime.linking.linker import LinkedManifest

Unmade = Mapping[EntryId, Path]
"""The paths of the files that are not there, by database."""

_KIND, _MEMORY = "db.sql.sqlite", ":memory:"
_TOLD = "runtime.unmade"


def unmade(linked: LinkedManifest, ids: Iterable[EntryId]) -> Unmade:
    """The databases of this sort that these entries need."""
    folder, needed = linked.manifest.folder, linked.graph.reach(ids)
    files = {
        id: link.entry.fields["file"]
        for id, link in linked.links.items()
        if id in needed and link.kind.name == _KIND
    }
    paths = {id: (folder / file).absolute() for id, file in files.items() if file != _MEMORY}
    return {id: path for id, path in paths.items() if _is_missing(path)}


@contextmanager
def as_empty(linked: LinkedManifest, databases: Unmade) -> Iterator[LinkedManifest]:
    """The application with these databases in files that are gone in the end: to look into them
    makes none.
    """
    if not databases:
        yield linked
        return
    links = {**linked.links}
    with TemporaryDirectory(prefix="runtime-") as folder:
        for number, id in enumerate(databases):
            entry = links[id].entry
            entry = replace(entry, fields={**entry.fields, "file": f"{folder}/{number}.db"})
            links[id] = replace(links[id], entry=entry)
        yield replace(linked, links=links)


def tell_unmade(databases: Unmade) -> None:
    """Say once in a command, of each of these, that it does not exist."""
    told: set[EntryId] = click.get_current_context().meta.setdefault(_TOLD, set())
    for id, path in databases.items():
        if id not in told:
            text = f"the database '{id}' does not exist yet: there is no '{path}'"
            hint = "if the application has run, name the folder in which it did"
            click.echo(printable(f"{text}; {hint}"), err=True)
            told.add(id)


def tell_made(databases: Unmade) -> None:
    """Say of each of these that there is a file by now."""
    for id, path in databases.items():
        if not _is_missing(path):
            text = f"made the database '{id}' in '{path}', as nothing has run here before"
            click.echo(printable(text), err=True)


def _is_missing(path: Path) -> bool:
    """False also for what cannot be looked at: opening it tells why."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
