"""Subscribers: those of an application, to whom its events are published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from runtime.engines.event.pattern import check_topic
from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.message import copy_headers
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers.context import ApplicationContext
from runtime.loggers import logger

if TYPE_CHECKING:
    from runtime.engines.sql.contract import Database

TOPIC = "x_topic"
"""The header with the topic."""
MOST_TOPICS = 1000
"""Topics whose subscribers are remembered, and of which it is said that they have none."""

log = logger("runtime.events")

Ids = dict[str, str]
"""The id of the message that each subscriber got, by the subscriber's id."""


class Subscribers:
    """Puts one message into the queue of each subscriber that wants an event."""

    def __init__(self, components: Mapping[Any, object]) -> None:
        self.components = components
        self._all = [each for each in components.values() if isinstance(each, Subscriber)]
        self._found: dict[str, Sequence[Subscriber]] = {}
        self._missed: set[str] = set()

    def of(self, topic: str) -> Sequence[Subscriber]:
        """Those that want events of a topic. Raises TypeError and InvalidTopic for another text."""
        found = self._found.get(topic) if isinstance(topic, str) else None
        if found is None:
            check_topic(topic)
            found = [each for each in self._all if each.wants(topic)]
            if len(self._found) >= MOST_TOPICS:
                self._found.clear()
            self._found[topic] = found
        return found

    async def publish(
        self,
        topic: str,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        transaction: JoinableTransaction | None = None,
    ) -> Ids:
        """Publish an event.

        Those whose messages are in one database get it in one transaction, all of them or none;
        the others each by itself: then an error of one is raised once the others have theirs, with
        a note that names them. Raises as `Queue.publish`; nothing was published if the event itself
        is refused.
        """
        found = self.of(topic)
        if len(found) > 1:
            for each in found:
                each.queue.check_body(body)
        headers = {**({} if headers is None else copy_headers(headers)), TOPIC: topic}
        ids: Ids = {}
        if transaction is not None:
            # first those that it does not reach, which refuse it
            reached = getattr(transaction, "database", None)  # of anything else, a queue complains
            for each in sorted(found, key=lambda each: each.database is reached):
                ids[each.queue.id] = await each.queue.publish(
                    body, headers, delay, transaction=transaction
                )
            return ids
        errors = []
        for database, group in _by_database(found):
            try:
                if database is None or len(group) == 1:
                    (one,) = group
                    ids[one.queue.id] = await one.queue.publish(body, headers, delay)
                else:
                    async with database.transaction() as tx:
                        together = {
                            each.queue.id: await each.queue.publish(
                                body, headers, delay, transaction=tx
                            )
                            for each in group
                        }
                    ids |= together
            except Exception as error:  # of one driver, for which the others do not wait
                errors.append(error)
        if errors:
            if ids:
                errors[0].add_note(f"the event is published to {', '.join(ids)} all the same")
            raise errors[0]
        return ids

    def tell_unwanted(self, topic: str, entry: str) -> None:
        """Log once that nobody subscribes to a topic."""
        if topic not in self._missed and len(self._missed) < MOST_TOPICS:
            self._missed.add(topic)
            text = "%s published '%s', to which nobody subscribes"
            log.warning(text, entry, topic, extra={"entry": entry})


def _by_database(
    subscribers: Iterable[Subscriber],
) -> Iterator[tuple[Database | None, Sequence[Subscriber]]]:
    """Those of each database; one by one those that have none."""
    groups: dict[int, list[Subscriber]] = {}
    for each in subscribers:
        key = each if each.database is None else each.database
        groups.setdefault(id(key), []).append(each)
    for group in groups.values():
        yield group[0].database, group


_known: WeakKeyDictionary[ApplicationContext, Subscribers] = WeakKeyDictionary()


def subscribers(scope: ApplicationContext) -> Subscribers:
    """The present subscribers of an application."""
    known = _known.get(scope)
    if known is None or known.components is not scope.components:
        known = _known[scope] = Subscribers(scope.components)
    return known
