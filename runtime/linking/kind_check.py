"""KindCheck: what the kinds themselves find wrong with entries that are right by their schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from runtime.entry_id import EntryId
from runtime.findings.finding import Path, Problem
from runtime.kind import Arguments, Claim, Kind
from runtime.linking.handler_check import HandlerCheck, has_handler
from runtime.manifest.entry import Entry
from runtime.schema.schema import Schema

_Key = tuple[EntryId | None, str]
"""Among whose claims, and what is claimed."""


class Linked(Protocol):
    """What is asked of the linker's `Link`."""

    @property
    def entry(self) -> Entry: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def references(self) -> Mapping[Path, EntryId]: ...


class KindCheck:
    """Asks the kind of one entry after the other, and compares what they claim."""

    def __init__(
        self,
        links: Mapping[EntryId, Linked],
        faulty: AbstractSet[EntryId],
        handlers: HandlerCheck,
        found: Callable[[Entry, Problem], None],
    ) -> None:
        self._links = links
        self._faulty = faulty
        self._handlers = handlers
        self._found = found
        self._claims: dict[_Key, tuple[Entry, Claim]] = {}
        self._parts: dict[_Key, tuple[Entry, Claim]] = {}
        """One claim within each wider one that somebody may make."""

    def __call__(self, link: Linked) -> None:
        """Ask the kind of `link`, an entry without a fault of its own."""
        if link.kind.check is None:
            return
        try:
            rules = [*link.kind.check(LinkedEntry(self._links, link))]
        except Exception as error:  # a kind from outside may fail in any way
            if self._faulty & set(link.references.values()):
                return  # it may have stumbled over what is told already
            name = link.kind.name
            message = f"the kind '{name}' cannot check this entry: {type(error).__name__}"
            self._found(link.entry, Problem((), message))
            return
        for rule in rules:
            match rule:
                case Problem():
                    message = _as_typed(rule.message, [link])
                    hint = _as_typed(rule.hint, [link]) if rule.hint else None
                    self._found(link.entry, Problem(rule.path, message, hint, rule.at_key))
                case Claim():
                    self._claim(link.entry, rule)
                case Arguments():
                    target = link.references.get(rule.path)
                    callee = self._links.get(target) if target else None
                    if callee and target not in self._faulty and has_handler(callee.schema.field):
                        self._handlers.arguments(link.entry, callee.entry, rule)

    def _claim(self, entry: Entry, claim: Claim) -> None:
        own, *wider = [(claim.owner, key) for key in (_key(claim), *claim.within)]
        mine = (entry, claim)
        held = [self._claims.setdefault(own, mine), self._parts.get(own)]
        held += [self._claims.get(key) for key in wider]
        for key in wider:
            self._parts.setdefault(key, mine)
        taken = next((each for each in held if each and each[0] is not entry), None)
        if taken:
            other, theirs = taken
            what = _as_typed(claim.what, self._links.values())
            where = f" on '{claim.owner}'" if claim.owner else ""
            same = _key(theirs) == _key(claim)
            it = "it" if same else _as_typed(theirs.what, self._links.values())
            message = f"{what} is taken{where}; '{other.id}' has {it} at {other.at(*theirs.path)}"
            self._found(entry, Problem(claim.path, message))


def _key(claim: Claim) -> str:
    return claim.key or claim.what


def _as_typed(text: str, links: Iterable[Linked]) -> str:
    """The text with what came from the environment as it was typed: kinds see only the values."""
    typed: dict[str, str] = {}
    for link in links:
        for path, written in link.entry.placeholders.items():
            typed[str(link.entry.value(path)).strip("/")] = written.strip("/")
    for value in sorted(filter(None, typed), key=len, reverse=True):
        text = text.replace(value, typed[value])
    return text


class _Fields(Mapping[str, Any]):
    """The fields of an entry with defaults in; filled one by one, since a check asks for few."""

    def __init__(self, link: Linked) -> None:
        self._entry = link.entry.fields
        self._field = link.schema.field

    def __getitem__(self, name: str) -> Any:
        return self._field.fill_one(self._entry, name, _as_it_is)

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._field.properties), **self._entry})

    def __len__(self) -> int:
        return len(self._field.properties.keys() | self._entry.keys())


def _as_it_is(text: str) -> str:
    return text


class LinkedEntry:
    """An entry as its kind sees it before anything is built."""

    def __init__(self, links: Mapping[EntryId, Linked], link: Linked) -> None:
        self._links = links
        self._link = link
        self.id = link.entry.id
        self.kind = link.kind
        self.fields: Mapping[str, Any] = _Fields(link)

    def follow(self, *path: str) -> LinkedEntry | None:
        target = self._link.references.get(path)
        return (
            LinkedEntry(self._links, self._links[target])
            if target and target in self._links
            else None
        )
