"""WorkQueue: requests that wait for the threads of a database, until it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from runtime.engines.sql.contract import DatabaseClosed
from runtime.engines.sql.sqlite.completion import Completion, deliver


class Refusable(Protocol):
    def refuse(self, error: Exception) -> None:
        """Answer the caller with an error: the request will not be run."""
        ...


Item = TypeVar("Item", bound=Refusable)


class WorkQueue(Generic[Item]):
    """A queue that accepts nothing after its end: an item is either run or refused, never lost.

    `None` in `items` is the end; each of the `threads` that serve it takes one. Once `abandoned`,
    they must drop even the items that they have taken.
    """

    def __init__(self, database: str, threads: int = 1) -> None:
        self.items: SimpleQueue[Item | None] = SimpleQueue()
        self._database = database
        self._threads = threads
        self._accepting = True
        self.abandoned = False

    def put(self, item: Item) -> None:
        """Queue an item, from any thread. Raises DatabaseClosed after the end."""
        if not self._accepting:
            raise self.closed_error()
        self.items.put(item)
        # No lock: a put that races the end either comes in time to be refused by `abandon`, or
        # sees here that no thread will come, and refuses the rest itself.
        if self.abandoned:
            self.abandon()

    def submit(self, item: Any) -> None:
        """As `put`; another queue may have something else than its threads run the item."""
        self.put(item)

    def defer(self, item: Any) -> None:
        """As `submit`, for an item that nobody waits for; another queue may keep it back for a few
        milliseconds, to have it run together with the next ones.
        """
        self.submit(item)

    def hurry(self) -> None:
        """Keep nothing back any longer."""

    def take_deferred(self) -> list[Item]:
        """The items that were kept back, to be run in front of those that are queued."""
        return []

    def deliver(self, completions: list[Completion]) -> None:
        """Settle the futures of items that were run."""
        deliver(completions)

    def seal(self) -> None:
        """Accept nothing more; queued items will still be run."""
        self._accepting = False

    def finish(self) -> None:
        """Accept nothing more, and let the threads end once the queue is empty."""
        self.seal()
        for _ in range(self._threads):
            self.items.put(None)

    def abandon(self) -> None:
        """Accept nothing more, refuse the queued items, and let the threads end."""
        self.seal()
        self.abandoned = True
        for item in self._rest():
            item.refuse(self.closed_error())
        self.finish()

    def _rest(self) -> Iterator[Item]:
        with suppress(Empty):
            while True:
                if (item := self.items.get_nowait()) is not None:
                    yield item

    def closed_error(self) -> DatabaseClosed:
        return closed_error(self._database, "it is stopping")


def closed_error(database: str, reason: str) -> DatabaseClosed:
    return DatabaseClosed(f"database '{database}' is not running ({reason})")
