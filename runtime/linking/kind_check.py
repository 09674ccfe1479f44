"""KindCheck: the checks that kinds themselves make, on entries that their schemas allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import takewhile
from pathlib import Path as FilePath
from typing import Any

from runtime.entry_id import EntryId
from runtime.findings.disclosure import OVERRIDDEN
from runtime.findings.finding import Path, Problem
from runtime.kind import Arguments, Claim, Factory, Plain
from runtime.linking.handler_check import HandlerCheck
from runtime.linking.link import Link, LinkedEntry, has_handler
from runtime.manifest.entry import Entry, value_at

_Key = tuple[EntryId | None, str]
"""The owner of a claim, and what is claimed."""

_SHORT = 4
_BEGINNING = 20
"""Characters of a value by which a finding that shows only a part of it is recognized."""


class KindCheck:
    """Asks the kinds of the entries one after the other, and compares the claims they make."""

    def __init__(
        self,
        links: Mapping[EntryId, Link],
        faulty: AbstractSet[EntryId],
        handlers: HandlerCheck,
        report: Callable[[Entry, Problem], None],
        folder: FilePath,
    ) -> None:
        """`faulty` are the entries that have findings already."""
        self._links = links
        self._faulty = faulty
        self._handlers = handlers
        self._report = report
        self._folder = folder
        self._claims: dict[_Key, tuple[Entry, Claim]] = {}
        self._narrower: dict[_Key, tuple[Entry, Claim]] = {}
        """For the key of a wider claim, the first claim within it."""

    def __call__(self, link: Link) -> None:
        """Ask the kind of `link`, an entry without findings."""
        if link.kind.runs_with and link.stage is None and "lifecycle" in link.entry.fields:
            message = (
                f"without '{link.kind.runs_with}', an entry of this kind does not run by itself"
            )
            problem = Problem(("lifecycle",), message, "leave 'lifecycle' out", at_key=True)
            self._report(link.entry, problem)
        try:
            results = [*self._results(link)]
        except Exception as error:  # a kind from another package may fail in any way
            if self._faulty & set(link.references.values()):
                return  # probably because of a finding that is reported already
            name = link.kind.name
            message = f"the kind '{name}' cannot check this entry: {type(error).__name__}"
            self._report(link.entry, Problem((), message))
            return
        for result in results:
            match result:
                case Problem():
                    message = _without_hidden(result.message, [link])
                    hint = _without_hidden(result.hint, [link]) if result.hint else None
                    shown = type(result)(result.path, message, hint, result.at_key)
                    self._report(link.entry, shown)
                case Claim():
                    self._claim(link.entry, result)
                case Factory():
                    self._handlers.factory(link.entry, result)
                case Plain():
                    self._handlers.plain(link.entry, result)
                case Arguments():
                    if callee := self._callee(link, result.path):
                        self._handlers.arguments(link.entry, callee.entry, result)

    def _callee(self, link: Link, path: Path) -> Link | None:
        """The function at `path`, held there or named, or its own; None if that has findings."""
        if path in link.inline:
            return link.inline[path]
        target = link.references.get(path) if path else link.entry.id
        callee = self._links.get(target) if target and target not in self._faulty else None
        return callee if callee and has_handler(callee.schema.field) else None

    def _results(self, link: Link) -> Iterator[Claim | Arguments | Factory | Plain | Problem]:
        entry = LinkedEntry(self._links, link)
        if link.kind.check is not None:
            yield from link.kind.check(entry)
        if link.kind.check_files is not None:
            yield from link.kind.check_files(entry, self._folder)

    def _claim(self, entry: Entry, claim: Claim) -> None:
        own, *wider = [(claim.owner, key) for key in (_key(claim), *claim.within)]
        this = (entry, claim)
        earlier = [self._claims.setdefault(own, this), self._narrower.get(own)]
        earlier += [self._claims.get(key) for key in wider]
        for key in wider:
            self._narrower.setdefault(key, this)
        conflict = next((each for each in earlier if each and each[0] is not entry), None)
        if conflict:
            other, theirs = conflict
            what = _without_hidden(claim.what, self._links.values())
            where = f" on '{claim.owner}'" if claim.owner else ""
            same = _key(theirs) == _key(claim)
            it = "it" if same else _without_hidden(theirs.what, self._links.values())
            message = f"{what} is taken{where}; '{other.id}' has {it} at {other.at(*theirs.path)}"
            self._report(entry, Problem(claim.path, message))


def _key(claim: Claim) -> str:
    return claim.key or claim.what


def _without_hidden(text: str, links: Iterable[Link]) -> str:
    """A text of a kind, which sees all values, without those that findings must not print."""
    shown: dict[str, str] = {}
    for link in links:
        disclosure = link.entry.disclosure
        for path, instead in disclosure.hidden.items():
            shown[str(link.entry.value(path)).strip("/")] = instead.strip("/")
        for path in disclosure.overrides:
            for value in _scalars(link.entry.fields, path):
                shown[value.strip("/")] = OVERRIDDEN
    for value in sorted(filter(None, shown), key=len, reverse=True):
        text = _replaced(text, value, shown[value])
    return text


def _replaced(text: str, value: str, instead: str) -> str:
    """The text with another in place of the value, also where only its beginning is shown."""
    if len(value) < _SHORT:  # it may be a part of any word
        return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", lambda _: instead, text)
    pieces = text.split(value[:_BEGINNING])
    rest = value[_BEGINNING:]
    for index in range(1, len(pieces)):
        same = takewhile(lambda pair: pair[0] == pair[1], zip(rest, pieces[index], strict=False))
        pieces[index] = pieces[index][sum(1 for _ in same) :]
    return instead.join(pieces)


def _scalars(fields: Any, path: Path) -> Iterator[str]:
    """The keys, texts and numbers in the value at `path`, if there is one."""
    try:
        pending = [value_at(fields, path)]
    except LookupError:
        return
    while pending:
        match pending.pop():
            case dict() as mapping:
                pending += (*mapping, *mapping.values())
            case list() as items:
                pending += items
            case None | bool():
                pass
            case value:
                yield str(value)
