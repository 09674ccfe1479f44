"""Inbox: what waits for a database's threads, until it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

from runtime.engines.sql.contract import DatabaseClosed


class Refusable(Protocol):
    def refuse(self, error: Exception) -> None:
        """Answer whoever waits for this: it will not be run."""
        ...


Item = TypeVar("Item", bound=Refusable)


class WorkQueue(Generic[Item]):
    """A queue that takes nothing after its end: an item is either run or refused, never lost.

    `None` in `items` is the end; each of `readers` threads takes one. `abandoned` tells them to
    leave even what they have in hand.
    """

    def __init__(self, label: str, readers: int = 1) -> None:
        self.items: SimpleQueue[Item | None] = SimpleQueue()
        self._label = label
        self._readers = readers
        self._open = True
        self.abandoned = False

    def put(self, item: Item) -> None:
        """Queue an item, from any thread. Raises DatabaseClosed after the end."""
        if not self._open:
            raise self.closed()
        self.items.put(item)
        # No lock: a put that raced the end either was in time to be refused by `abandon`, or it
        # sees here that nobody will come, and refuses what is left itself.
        if self.abandoned:
            self.abandon()

    def seal(self) -> None:
        """Take nothing more; what is in there is still to be run."""
        self._open = False

    def finish(self) -> None:
        """Seal, and let the readers go when they have come to the end."""
        self.seal()
        for _ in range(self._readers):
            self.items.put(None)

    def abandon(self) -> None:
        """Seal, refuse what is in there, and let the readers go."""
        self.seal()
        self.abandoned = True
        for item in self._rest():
            item.refuse(self.closed())
        self.finish()

    def _rest(self) -> Iterator[Item]:
        with suppress(Empty):
            while True:
                if (item := self.items.get_nowait()) is not None:
                    yield item

    def closed(self) -> DatabaseClosed:
        """What those hear who come too late."""
        return closed(self._label)


def closed(label: str) -> DatabaseClosed:
    return DatabaseClosed(f"database '{label}' is not running")
