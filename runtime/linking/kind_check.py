"""KindCheck: the checks that kinds themselves make, on entries that their schemas allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from runtime.entry_id import EntryId
from runtime.findings.finding import Problem
from runtime.kind import Arguments, Claim
from runtime.linking.handler_check import HandlerCheck, has_handler
from runtime.linking.link import Link, LinkedEntry
from runtime.manifest.entry import Entry

_Key = tuple[EntryId | None, str]
"""The owner of a claim, and what is claimed."""


class KindCheck:
    """Asks the kinds of the entries one after the other, and compares the claims they make."""

    def __init__(
        self,
        links: Mapping[EntryId, Link],
        faulty: AbstractSet[EntryId],
        handlers: HandlerCheck,
        report: Callable[[Entry, Problem], None],
    ) -> None:
        """`faulty` are the entries that have findings already."""
        self._links = links
        self._faulty = faulty
        self._handlers = handlers
        self._report = report
        self._claims: dict[_Key, tuple[Entry, Claim]] = {}
        self._narrower: dict[_Key, tuple[Entry, Claim]] = {}
        """For the key of a wider claim, the first claim within it."""

    def __call__(self, link: Link) -> None:
        """Ask the kind of `link`, an entry without findings."""
        if link.kind.check is None:
            return
        try:
            results = [*link.kind.check(LinkedEntry(self._links, link))]
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
                    message = _with_placeholders(result.message, [link])
                    hint = _with_placeholders(result.hint, [link]) if result.hint else None
                    self._report(link.entry, Problem(result.path, message, hint, result.at_key))
                case Claim():
                    self._claim(link.entry, result)
                case Arguments():
                    target = link.references.get(result.path)
                    callee = self._links.get(target) if target else None
                    if callee and target not in self._faulty and has_handler(callee.schema.field):
                        self._handlers.arguments(link.entry, callee.entry, result)

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
            what = _with_placeholders(claim.what, self._links.values())
            where = f" on '{claim.owner}'" if claim.owner else ""
            same = _key(theirs) == _key(claim)
            it = "it" if same else _with_placeholders(theirs.what, self._links.values())
            message = f"{what} is taken{where}; '{other.id}' has {it} at {other.at(*theirs.path)}"
            self._report(entry, Problem(claim.path, message))


def _key(claim: Claim) -> str:
    return claim.key or claim.what


def _with_placeholders(text: str, links: Iterable[Link]) -> str:
    """The text with placeholders in the place of their values, which are all that kinds see."""
    placeholders: dict[str, str] = {}
    for link in links:
        for path, placeholder in link.entry.placeholders.items():
            placeholders[str(link.entry.value(path)).strip("/")] = placeholder.strip("/")
    for value in sorted(filter(None, placeholders), key=len, reverse=True):
        text = text.replace(value, placeholders[value])
    return text
