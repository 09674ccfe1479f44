"""Candidates: the entries that a reference could name, where it is wrong or was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any

from runtime.entry_id import EntryId
from runtime.findings.finding import Path, Problem
from runtime.findings.suggestion import did_you_mean, nearest
from runtime.manifest.entry import Entry, value_at
from runtime.manifest.reader import Manifest
from runtime.registry import Registry
from runtime.schema.field import Field

_COMPARISONS = 50_000
"""The number of names compared in search of suggestions, over all findings: each takes 1 µs."""

_SHOWN = 3
"""Candidates that a finding names."""


class Candidates:
    """Finds the entries of a manifest that are of certain kinds, or patterns of kinds."""

    def __init__(self, manifest: Manifest, registry: Registry) -> None:
        self._manifest = manifest
        self._registry = registry
        self._entries = manifest.entries
        self._fitting: dict[tuple[str, ...], Sequence[Entry]] = {}
        self._comparisons = _COMPARISONS

    def fitting(self, kinds: tuple[str, ...]) -> Sequence[Entry]:
        if kinds not in self._fitting:
            entries = self._entries.values()
            self._fitting[kinds] = [entry for entry in entries if fits(entry, kinds)]
        return self._fitting[kinds]

    def near(self, id: EntryId, kinds: tuple[str, ...]) -> str | None:
        """A hint that names the entry that is meant by an id that no entry has."""
        if self._comparisons <= 0:
            return None
        self._comparisons -= len(self._entries)
        fitting = [str(other.id) for other in self.fitting(kinds)]
        elsewhere = [name for name in fitting if name.endswith(f":{id.name}")]
        if len(elsewhere) == 1:
            return f"did you mean '{elsewhere[0]}'?"
        return (
            did_you_mean(str(id), fitting)
            or did_you_mean(str(id), map(str, self._entries))
            or self.only(kinds)
        )

    def only(self, kinds: tuple[str, ...]) -> str | None:
        """A hint that names the only entry of a kind that fits, if there is just one."""
        if kinds == ("*",):
            return None
        fitting = self.fitting(kinds)
        return f"there is '{fitting[0].id}'" if len(fitting) == 1 else None

    def fill_in(self, entry: Entry, field: Field) -> Iterator[Problem | None]:
        """Write the references that `entry` leaves out, and that one entry alone can answer.

        Yields a problem for each that none or several could, None if another finding explains it.
        """
        for path, kinds in field.omitted(entry.fields):
            fitting = self.fitting(kinds)
            if problem := _misspelt(entry, path, field):
                yield problem
            elif len(fitting) == 1:
                owner: Any = entry.fields
                for step in path[:-1]:
                    owner = owner.setdefault(step, {})
                owner[path[-1]] = str(fitting[0].id)
                entry.implied |= {path}
            elif fitting or self._is_complete:
                yield _missing(path, kinds, fitting)
            else:
                yield None

    @cached_property
    def _is_complete(self) -> bool:
        """True if the kind of every entry is known, so that none may be the one that is meant."""
        return self._manifest.complete and all(
            ("kind",) not in entry.unfilled and entry.kind in self._registry
            for entry in self._entries.values()
        )


def _missing(path: Path, kinds: tuple[str, ...], fitting: Sequence[Entry]) -> Problem:
    parent, name = path[:-1], path[-1]
    message = f"missing field '{name}'" + (f" in '{parent[-1]}'" if parent else "")
    if not fitting:
        return Problem(path, f"{message}, and no entry is of kind {kinds[0]}", at_key=True)
    names = [f"'{entry.id}' ({entry.at('name')})" for entry in fitting[:_SHOWN]]
    if more := len(fitting) - len(names):
        names.append(f"{more} more")
    message += f", which could be {', '.join(names[:-1])} or {names[-1]}"
    return Problem(path, message, "write one of them", at_key=True)


def _misspelt(entry: Entry, path: Path, field: Field) -> Problem | None:
    """The problem with a field beside the one at `path`, if that is what it should be called."""
    parent, name = path[:-1], str(path[-1])
    known = found.properties if (found := field.at(parent)) else {}
    try:
        beside = value_at(entry.fields, parent)
    except LookupError:
        return None
    for other, value in beside.items():
        if other not in known and isinstance(value, str) and nearest(other, [name], 0.7):
            message, hint = f"unknown field '{other}'", f"did you mean '{name}'?"
            return Problem((*parent, other), message, hint, at_key=True)
    return None


def fits(entry: Entry, kinds: tuple[str, ...]) -> bool:
    return _matches(entry.kind, kinds)


@lru_cache(maxsize=4096)  # a manifest of thousands of entries asks the same few questions
def _matches(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
