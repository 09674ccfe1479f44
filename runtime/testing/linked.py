"""Linked: the manifest of an application, fitted to a test and checked once a process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from runtime.engines.sql.sqlite.connection import MEMORY
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.entry import Entry
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.manifest.search import is_searched
from runtime.registry import BrokenKind, Registry, UnknownKind
from runtime.units import parse_duration

LONGEST_STOP = "1s"
"""The longest `stop_timeout`, unless a test overrides it: a handler that hangs would hold up the
end of its test for as long as production would wait."""

_Fingerprint = tuple[tuple[str, int, int], ...]
_checked: dict[object, tuple[_Fingerprint, LinkedManifest]] = {}


def linked(
    folder: Path, overrides: tuple[str, ...], environment: Mapping[str, str] | None
) -> LinkedManifest:
    """Read and check an application. Raises ManifestError, and ValueError for an override.

    Its servers get ports of their own, unless an override gives them one. Checking takes most of
    the time of a start, so it is done again only when a file has changed.
    """
    variables = os.environ if environment is None else {**os.environ, **environment}
    key = (folder.absolute(), overrides, tuple(sorted(variables.items())))
    now = tuple(_fingerprint(folder))
    known = _checked.get(key)
    if known is None or known[0] != now:
        manifest = read(folder, [Override.parse(text) for text in overrides], variables)
        for entry in manifest.entries.values():
            _fit(entry)
        known = _checked[key] = now, link(manifest, _registry())
    return known[1]


def placed(linked: LinkedManifest, data: Path) -> LinkedManifest:
    """The same with its SQLite files in the folder `data`, but for those of overrides."""
    links = {
        id: replace(link, entry=_moved(link.entry, data)) if _is_file(link.entry) else link
        for id, link in linked.links.items()
    }
    return replace(linked, links=links)


def has_files(linked: LinkedManifest) -> bool:
    """True if `placed` would move one."""
    return any(_is_file(link.entry) for link in linked.links.values())


def _fit(entry: Entry) -> None:
    if entry.kind == "http.service" and ("addr",) not in entry.overrides:
        entry.fields["addr"] = "127.0.0.1:0"
    with suppress(UnknownKind, BrokenKind, ValueError, TypeError):  # which the linker finds
        if _registry()[entry.kind].stage is not None:
            _shorten_stop(entry)


def _shorten_stop(entry: Entry) -> None:
    lifecycle = entry.fields.get("lifecycle") or {}
    if isinstance(lifecycle, dict) and ("lifecycle", "stop_timeout") not in entry.overrides:
        given = lifecycle.get("stop_timeout")
        if given is None or parse_duration(given) > parse_duration(LONGEST_STOP):
            entry.fields["lifecycle"] = {**lifecycle, "stop_timeout": LONGEST_STOP}


def _is_file(entry: Entry) -> bool:
    return (
        entry.kind == "db.sql.sqlite"
        and ("file",) not in entry.overrides
        and entry.fields.get("file") != MEMORY
    )


def _moved(entry: Entry, data: Path) -> Entry:
    name = Path(entry.fields["file"]).name
    return replace(entry, fields={**entry.fields, "file": str(data / f"{entry.id.name}-{name}")})


@cache
def _registry() -> Registry:
    return Registry()


def _fingerprint(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Path, time and size of each file that was checked."""
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if is_searched(here, name)]
        for name in files:
            if name.endswith((".py", ".yaml", ".yml")):
                path = os.path.join(here, name)
                found = os.stat(path)
                yield path, found.st_mtime_ns, found.st_size
