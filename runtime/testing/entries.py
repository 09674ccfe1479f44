"""Entries: the parts of an application by the ids and names by which tests ask for them."""

from __future__ import annotations

from typing import Any

from runtime.engines.event.subscriber import Subscriber
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import BlockingDatabase
from runtime.entry_id import EntryId
from runtime.testing.life import Life


class Entries:
    """Looks them up in the application that runs now. Raises LookupError for an unknown one."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def id(self, text: str) -> EntryId:
        """The entry of that id or name."""
        return self._life.id(text)

    def component(self, text: str) -> Any:
        """The object that was built for an entry; None if it has none."""
        return self._life.host.application.scope.components.get(self.id(text))

    def database(self, text: str) -> BlockingDatabase:
        """A database for ordinary functions. Raises TypeError for another entry."""
        component = self.component(text)
        if not hasattr(component, "blocking"):
            raise TypeError(f"'{self.id(text)}' is no database; name an entry of kind db.sql.*")
        database: BlockingDatabase = component.blocking
        return database

    def queue(self, text: str) -> Queue:
        """A queue, also that of a subscriber. Raises TypeError for another entry."""
        component = self.component(text)
        if isinstance(component, Subscriber):
            return component.queue
        if not isinstance(component, Queue):
            raise TypeError(f"'{text}' is no queue; name an entry of kind queue.queue")
        return component

    def consumer(self, text: str) -> Consumer:
        """The consumer of that id, or the only one of the function of that id."""
        component = self.component(text)
        if isinstance(component, Subscriber):
            return component.consumer
        if isinstance(component, Consumer):
            return component
        id = self.id(text)
        found = [each for each in self._life.host.parts.consumers if each.function.id == id]
        if len(found) != 1:
            many = "several consumers call" if found else "no consumer calls"
            raise LookupError(f"{many} '{id}'; name a consumer, or send a request to an endpoint")
        return found[0]

    def consumed(self, text: str) -> str:
        """The id of a queue that a consumer here takes messages from."""
        queue = self.queue(text)
        if not queue.consumers:
            raise LookupError(f"no consumer of '{queue.id}' runs, so it is never drained")
        return queue.id
