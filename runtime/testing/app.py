"""App: a running application, as a test sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import Info, PartialInfo
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import BlockingDatabase
from runtime.entry_id import EntryId
from runtime.service import Stage
from runtime.testing.evidence import Evidence
from runtime.testing.holder import own_traceback
from runtime.testing.host import Host
from runtime.testing.letter import Letter, decode_or_text, letter_of
from runtime.testing.logbook import LogLine
from runtime.testing.session import Session

T = TypeVar("T")

LIMIT = 10.0
"""Seconds of real time that `drain` and `advance` wait."""
Failing = type[BaseException] | tuple[type[BaseException], ...]


class App(Session):
    """Made by `running`. Its methods block, and may be called from any thread but its own.

    Ids are those of entries; a bare name is one that only one entry has. Requests are those of a
    `Session`; `session()` makes another one, with cookies of its own.
    """

    def __init__(self, start: Callable[[], Host], evidence: Evidence) -> None:
        self._evidence = evidence
        self._host = start()
        super().__init__(self._address, self._holders)

    def session(self) -> Session:
        """Another client, without the cookies and headers of this one."""
        return Session(self._address, self._holders)

    # Queues

    def publish(
        self, queue: str, *bodies: Any, headers: Mapping[str, str] | None = None, **options: Any
    ) -> list[str]:
        """Publish JSON values in their order, with the options of `queue.publish`. Returns the ids.

        Raises what that raises: Full, NotJSON.
        """
        it = self._queue(queue)

        async def publish() -> list[str]:
            return [await it.publish(body, headers, **options) for body in bodies]

        return self._host.loop.run(publish(), LIMIT)

    def published(self, queue: str) -> list[Any]:
        """The bodies of all messages so far, in the order in which the queue accepted them."""
        messages = self._host.publications.of(self._queue(queue).id)
        return [decode_or_text(message.body) for message in messages]

    def drain(
        self,
        queue: str | None = None,
        *,
        advance: bool = False,
        failing: Failing = (),
        limit: float = LIMIT,
    ) -> None:
        """Wait until no message is ready or in hand, in one queue or in all that have a consumer.

        With `advance`, delayed messages and retries too: the clock moves to each of them.

        Raises the first error of a handler since the last `drain` or `advance`, unless it is of
        the class `failing`; `queue.Retry` is no error. With `failing`, raises AssertionError if no
        such error was raised. Raises NotQuiet after `limit` seconds of real time.
        """
        __tracebackhide__ = True
        queues = None if queue is None else [self._consumed(queue)]
        expected = failing if isinstance(failing, tuple) else (failing,)
        quiet = self._host.quiet
        names = quiet.served() if queues is None else queues
        if advance:
            self._host.wait(partial(quiet.drain_ahead, names, expected), "drain", limit)
        else:
            self._host.wait(partial(quiet.drain, names), "drain", limit)
        self._raise(expected)

    def advance(
        self, duration: float | str, *, failing: Failing = (), limit: float = LIMIT
    ) -> None:
        """Move the clock by seconds, or a text such as `30s`, and wait until all is quiet.

        What becomes due on the way happens in its order, each at its own moment: a delayed message,
        a retry, a time-out, a restart. Raises as `drain` does.
        """
        __tracebackhide__ = True
        expected = failing if isinstance(failing, tuple) else (failing,)
        self._host.wait(partial(self._host.quiet.advance, seconds(duration)), "advance", limit)
        self._raise(expected)

    @property
    def now(self) -> datetime:
        """The time of the application's clock, in UTC."""
        return datetime.fromtimestamp(self._host.clock.time(), UTC)

    def dead(self, queue: str, limit: int = 1000) -> list[Letter]:
        """The oldest dead letters of a queue, wherever they are kept."""
        letters = self._host.loop.run(self._queue(queue).dead_letters(limit), LIMIT)
        documents = self._host.linked.manifest.documents
        folders = [Path(document.path).parent for document in documents]
        return [letter_of(letter, folders) for letter in letters]

    def info(self, queue: str) -> Info | PartialInfo:
        """The number of messages that are `ready`, `delayed`, `in_flight` and `dead`."""
        return self._host.loop.run(self._queue(queue).info(), LIMIT)

    @contextmanager
    def paused(self, *consumers: str) -> Iterator[None]:
        """Stop consumers for the time of a block: what they have in hand is done before it."""
        ids = [self._id(name) for name in consumers]
        for id in ids:
            if self._host.linked.links[id].kind.stage is not Stage.CONSUMER:
                raise TypeError(f"'{id}' is no consumer")
        before = self._host.application.selection
        self._select(replace(before, elsewhere=before.elsewhere.union(ids)))
        try:
            yield
        finally:
            self._select(before)

    def stop(self) -> None:
        """End the application. Called by `running` at the end of its block."""
        self._evidence.ended = True
        self._host.stop()

    # Parts

    def sql(self, id: str) -> BlockingDatabase:
        """A database, with the calls of `runtime.modules.sync.sql`."""
        component = self.component(id)
        if not hasattr(component, "blocking"):
            raise TypeError(f"'{self._id(id)}' is no database; name an entry of kind db.sql.*")
        database: BlockingDatabase = component.blocking
        return database

    def component(self, id: str) -> Any:
        """The object that was built for an entry. It belongs to the loop of the application."""
        return self._host.application.scope.components.get(self._id(id))

    def logs(self, entry: str | None = None) -> list[LogLine]:
        """The lines of the log so far, from the level `info` on; those of one entry."""
        id = None if entry is None else str(self._id(entry))
        return [line for line in self._evidence.book.lines if id is None or line.entry == id]

    def _id(self, text: str) -> EntryId:
        """The entry of that id or name. Raises LookupError."""
        ids = self._host.linked.links
        named = [id for id in ids if id.name == text]
        if ":" in text or len(named) != 1:
            return self._host.application.scope.id(text, named[0].namespace if named else "")
        return named[0]

    def _queue(self, text: str) -> Queue:
        component = self._host.application.scope.components.get(self._id(text))
        if not isinstance(component, Queue):
            raise TypeError(f"'{text}' is no queue; name an entry of kind queue.queue")
        return component

    def _consumed(self, text: str) -> str:
        queue = self._queue(text)
        if not queue.consumers:
            raise LookupError(f"no consumer of '{queue.id}' runs, so it is never drained")
        return queue.id

    def _raise(self, expected: tuple[type[BaseException], ...]) -> None:
        """Raise the first error that no one expects."""
        __tracebackhide__ = True
        failures = self._host.activity.take_failures()
        others = [failure for failure in failures if not isinstance(failure.error, expected)]
        if others:
            first, *more = others
            first.error.add_note(f"raised in {first.entry} by {first.name}")
            if more:
                first.error.add_note(f"{len(more)} more failed, the next one {more[0].name}")
            raise first.error.with_traceback(own_traceback(first.error))
        if expected and not failures:
            names = " or ".join(each.__name__ for each in expected)
            raise AssertionError(f"no handler raised {names}")

    def _select(self, selection: Any) -> None:
        application = self._host.application
        self._host.loop.run(application.apply(self._host.linked, selection), 60.0)

    def _address(self, server: str | None) -> str:
        return self._host.address(None if server is None else self._id(server))

    def _holders(self) -> str:
        return "".join(f"\n  {line}" for line in self._host.quiet.in_hand())
