"""Subscriptions: the subscribers that want the events of a topic which code names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runtime.engines.event.pattern import InvalidTopic, Pattern, check_topic
from runtime.entry_id import EntryId
from runtime.findings.finding import Note, Problem
from runtime.findings.suggestion import did_you_mean
from runtime.linking.link import Link

KIND = "event.subscriber"


class Subscriptions:
    """Those of an application. A part of them may be unknown: then no topic is without any."""

    def __init__(self, links: Mapping[EntryId, Link], *, is_complete: bool) -> None:
        self._links = links
        self._is_complete = is_complete

    def of(self, topic: str) -> Sequence[tuple[EntryId, EntryId]] | Problem:
        """The subscribers and their drivers; a Note if nobody subscribes, another Problem for what
        is no topic.
        """
        try:
            check_topic(topic)
        except InvalidTopic as error:
            return Problem((), str(error), "write a topic such as 'order.paid'")
        found: list[tuple[EntryId, EntryId]] = []
        literals: list[str] = []
        is_known = self._is_complete
        for link in self._links.values():
            if link.kind.name != KIND:
                continue
            patterns = [*_patterns(link)]
            literals += [str(each) for each in patterns if each and each.is_literal]
            driver = link.references.get(("driver",))
            if driver is None or None in patterns:
                is_known = False  # there is a finding on it
            elif any(each.matches(topic) for each in patterns if each):
                found.append((link.entry.id, driver))
        if not found and is_known:
            return Note((), f"nobody subscribes to '{topic}'", did_you_mean(topic, literals))
        return found


def _patterns(link: Link) -> Iterator[Pattern | None]:
    """Its patterns, None for one that is a finding."""
    topics = link.entry.fields.get("topics")
    for text in topics if isinstance(topics, list) else (None,):
        try:
            yield Pattern(str(text)) if text else None
        except InvalidTopic:
            yield None
