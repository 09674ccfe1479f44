"""Linked: the manifest of an application, fitted to a test and checked once a process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
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

_MOST = 64
"""Applications that are kept."""

_Fingerprint = tuple[tuple[str, int, int, int], ...]


class Wish(msgspec.Struct, frozen=True):
    """An application as a test asks for it."""

    folder: Path
    overrides: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = {}
    durable: bool = False
    editable: bool = False

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of the process and that of the test."""
        return {**os.environ, **self.environment}


def linked(wish: Wish) -> LinkedManifest:
    """Read and check an application. Raises ManifestError, and ValueError for an override.

    Its servers get ports of their own, unless an override gives them one. Checking takes most of
    the time of a start, so it is done again only when a file has changed.
    """
    variables = wish.variables
    # Those of pytest and of the runtime itself differ from test to test.
    named = (item for item in sorted(variables.items()) if not item[0].startswith(("PYTEST_", "_")))
    parts = (wish.overrides, wish.files, wish.durable, tuple(named))
    key = (wish.folder.absolute(), *parts)
    now = tuple(_fingerprint(wish))
    known = _checked.get(key)
    if known is None or known[0] != now:
        overrides = [Override.parse(text) for text in wish.overrides]
        manifest = read(wish.folder, overrides, variables, overlays=wish.files)
        own = {(override.id, override.path) for override in overrides}
        for entry in manifest.entries.values():
            _fit(entry, {path for id, path in own if id == entry.id})
            if wish.durable and entry.kind == "queue.driver.memory":
                _make_durable(entry, [*manifest.entries.values()])
        known = now, link(manifest, _registry())
        if not wish.editable:  # else its folder is a copy, to which no other test comes
            if len(_checked) >= _MOST:
                del _checked[next(iter(_checked))]
            _checked[key] = known
    return known[1]


def placed(linked: LinkedManifest, wish: Wish, data: Path) -> LinkedManifest:
    """The same with its SQLite files in the folder `data`, but for those of overrides."""
    overrides = map(Override.parse, wish.overrides)
    own = {override.id for override in overrides if override.path == ("file",)}
    links = {**linked.links}
    for id, its in linked.links.items():
        if its.entry.kind == "db.sql.sqlite" and id not in own:
            links[id] = replace(its, entry=_moved(its.entry, data))
    return replace(linked, links=links)


def options(placed: LinkedManifest, wish: Wish) -> Sequence[str]:
    """The options of `runtime run` that give a program of its own the same application."""
    changes = [*wish.overrides]
    for id, its in placed.links.items():
        kind, fields = its.entry.kind, its.entry.fields
        if kind == "http.service":
            changes.append(f"{id}:addr={fields['addr']}")
        elif kind == "db.sql.sqlite":
            changes.append(f"{id}:file={fields['file']}")
        elif kind == "queue.driver.sql" and wish.durable:
            changes += [f"{id}:kind={kind}", f"{id}:database={fields['database']}"]
    files = [part for file in wish.files for part in ("-f", str(file))]
    return [*files, *(part for change in changes for part in ("-o", change))]


def _fit(entry: Entry, own: set[tuple[str | int, ...]]) -> None:
    if entry.kind == "http.service" and ("addr",) not in own:
        entry.fields["addr"] = "127.0.0.1:0"
    with suppress(UnknownKind, BrokenKind, ValueError, TypeError):  # which the linker finds
        kind = _registry()[entry.kind]
        runs = kind.stage is not None and (not kind.runs_with or entry.fields.get(kind.runs_with))
        if runs and ("lifecycle", "stop_timeout") not in own:
            _shorten_stop(entry)


def _shorten_stop(entry: Entry) -> None:
    lifecycle = entry.fields.get("lifecycle") or {}
    if isinstance(lifecycle, dict):
        given = lifecycle.get("stop_timeout")
        if given is None or parse_duration(given) > parse_duration(LONGEST_STOP):
            entry.fields["lifecycle"] = {**lifecycle, "stop_timeout": LONGEST_STOP}


def _make_durable(driver: Entry, entries: Sequence[Entry]) -> None:
    """Have a driver keep its messages in the database of the application. Raises ValueError."""
    databases = [str(entry.id) for entry in entries if entry.kind.startswith("db.sql.")]
    if len(databases) != 1:
        found = ", ".join(databases) or "none"
        hint = f"write the overrides {driver.id}:kind=queue.driver.sql and {driver.id}:database=…"
        raise ValueError(f"'{driver.id}' is to be durable in the only database: {found}; {hint}")
    driver.kind = driver.fields["kind"] = "queue.driver.sql"
    driver.fields["database"] = databases[0]


def _moved(entry: Entry, data: Path) -> Entry:
    file = entry.fields["file"]
    if file == MEMORY:
        return entry
    name = f"{entry.id.namespace}-{entry.id.name}-{Path(file).name}"
    return replace(entry, fields={**entry.fields, "file": str(data / name)})


@cache
def _registry() -> Registry:
    return Registry()


def _fingerprint(wish: Wish) -> Iterator[tuple[str, int, int, int]]:
    """Path, time, size and number of each file that was checked."""
    for file in wish.files:
        yield _print(str(file))
    for here, folders, files in os.walk(wish.folder):
        folders[:] = [name for name in folders if is_searched(here, name)]
        for name in files:
            if name.endswith((".py", ".yaml", ".yml", ".sql")):
                yield _print(os.path.join(here, name))


def _print(path: str) -> tuple[str, int, int, int]:
    found = os.stat(path)
    return path, found.st_mtime_ns, found.st_size, found.st_ino


_checked: dict[object, tuple[_Fingerprint, LinkedManifest]] = {}
