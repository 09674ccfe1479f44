"""App: a running application, as a test sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from runtime.codec import decode_or_text
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import Info, PartialInfo
from runtime.engines.queue.status import Status
from runtime.engines.sql.contract import BlockingDatabase
from runtime.service import Stage
from runtime.testing.clock import let_the_loop_run
from runtime.testing.entries import Entries
from runtime.testing.failure import raise_unexpected
from runtime.testing.host import Host
from runtime.testing.letter import Letter, letter_of
from runtime.testing.life import Life
from runtime.testing.logbook import LogLine
from runtime.testing.outcome import Outcome, outcome_of
from runtime.testing.reloaded import Reloaded
from runtime.testing.session import Session
from runtime.testing.spans import TracedSpan
from runtime.testing.working_copy import Edit

T = TypeVar("T")

LIMIT = 10.0
"""Seconds of real time that `drain` and `advance` wait."""
Failing = type[BaseException] | tuple[type[BaseException], ...]


class App(Session):
    """Made by `running`. Its methods block, and may be called from any thread but its own.

    Ids are those of entries; a bare name is one that only one entry has. Requests are those of a
    `Session`; `session()` makes another one, with cookies of its own.
    """

    def __init__(self, life: Life) -> None:
        super().__init__(self._address, life.in_hand)
        self._life = life
        self._entries = Entries(life)

    def session(self) -> Session:
        """Another client, without the cookies and headers of this one."""
        return Session(self._address, self._life.in_hand)

    def url(self, path: str = "", server: str | None = None) -> str:
        """The URL of a path on a server, for other clients than this: a browser, another program.

        `server` is the id of the http.service, if there are several.
        """
        return self._address(server) + path

    # Queues

    def publish(
        self, queue: str, *bodies: Any, headers: Mapping[str, str] | None = None, **options: Any
    ) -> list[str]:
        """Publish JSON values in their order, with the options of `queue.publish`. Returns the ids.

        Raises what that raises: Full, NotJSON.
        """
        it = self._entries.queue(queue)

        async def publish() -> list[str]:
            return [await it.publish(body, headers, **options) for body in bodies]

        return self._host.loop.run(publish(), LIMIT)

    def published(self, queue: str) -> list[Any]:
        """The bodies of all messages so far, in the order in which the queue accepted them."""
        messages = self._life.publications.of(self._entries.queue(queue).id)
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
        such error was raised. Raises NotQuiet after `limit` seconds of real time, and at once for a
        `queue` that is paused with messages.
        """
        __tracebackhide__ = True
        expected = failing if isinstance(failing, tuple) else (failing,)
        quiet = self._host.quiet
        names = quiet.served() if queue is None else [self._entries.consumed(queue)]
        if advance:
            self._host.wait(partial(quiet.drain_ahead, names, expected), "drain", limit)
        else:
            self._host.wait(partial(quiet.drain, names), "drain", limit)
        self._raise(expected)
        if queue is not None:
            self._host.wait(partial(quiet.check_delivered, names[0]), "drain", limit)

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
        letters = self._host.loop.run(self._entries.queue(queue).dead_letters(limit), LIMIT)
        documents = self._life.linked.manifest.documents
        folders = [Path(document.path).parent for document in documents]
        return [letter_of(letter, folders) for letter in letters]

    def info(self, queue: str) -> Info | PartialInfo:
        """The number of messages that are `ready`, `delayed`, `in_flight` and `dead`."""
        return self._host.loop.run(self._entries.queue(queue).info(), LIMIT)

    def status(self, queue: str, message: str) -> Status:
        """The status of a message, by its id: as `queue.status`. Raises UnknownMessage."""
        return self._host.loop.run(self._entries.queue(queue).status(message), LIMIT)

    @contextmanager
    def paused(self, *consumers: str) -> Iterator[None]:
        """Stop consumers for the time of a block: what they have in hand is done before it."""
        ids = [self._entries.id(name) for name in consumers]
        for id in ids:
            if self._life.linked.links[id].stage is not Stage.CONSUMER:
                raise TypeError(f"'{id}' is no consumer")
        before = self._host.application.selection
        self._host.select(replace(before, elsewhere=before.elsewhere.union(ids)))
        try:
            yield
        finally:
            if self._life.runs:
                now = self._host.application.selection  # another one after a reload
                self._host.select(replace(now, elsewhere=before.elsewhere))

    def call(
        self,
        entry: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
        limit: float = LIMIT,
    ) -> Outcome:
        """Hand a message to a consumer, or to the only consumer of a function, past its queue.

        It is encoded, decoded, checked and handled as any other, in the same time, with the same
        transaction; how it ends is returned and not carried out, and no error is raised. Raises
        NotJSON, and NotQuiet after `limit` seconds of real time.
        """
        outcome: list[Outcome] = []

        async def handle() -> None:
            consumer = self._entries.consumer(entry)
            with self._host.activity.handling(consumer.queue.id, attempt) as now_in_hand:
                now = self._host.clock.time()
                now_in_hand.task = asyncio.create_task(
                    outcome_of(consumer, body, headers, attempt, now)
                )
                await asyncio.wait({now_in_hand.task})
            outcome.append(now_in_hand.task.result())

        self._host.wait(handle, "call", limit)
        return outcome[0]

    # Other versions, and ends

    def reload(self, *, edit: Mapping[str, Edit] | None = None, force: bool = False) -> Reloaded:
        """Read the folder again, and change to the code and the manifest that are there now, while
        queues, connections and all that did not change go on: as `runtime reload` does. Returns the
        outcome. With `force`, what is lost by it is accepted.

        `edit` changes files before: by path a new text, a function of the present one, or None to
        delete it. An edit stays, also if the reload is refused. It needs `running(…,
        editable=True)`, so that your own files are never touched; else raises RuntimeError. Raises
        ValueError for an edit that changes nothing, or cannot be made.
        """
        return self._life.reload(edit or {}, force)

    def crash(
        self,
        at: str | None = None,
        *,
        during: Callable[[], object] | None = None,
        limit: float = LIMIT,
    ) -> None:
        """Have the application die by SIGKILL, as a program of its own that goes on with the files
        and messages of this one. Afterwards there is only `restart()`.

        `at` is one of `runtime.failpoint.POINTS`: it dies when it passes there, with the messages
        that wait or are in hand, or with what `during()` makes it do, whose requests go to that
        program. Without `at` it dies at the end of `during`.

        Raises AssertionError if it is still alive `limit` seconds after that, ValueError for an
        unknown failpoint.
        """
        self._life.crash(at, during, limit)

    def restart(self) -> App:
        """Start the application again, on the same files, after a crash or in place of one."""
        self._life.restart()
        return self

    def sql(self, id: str) -> BlockingDatabase:
        """A database, with the calls of `runtime.modules.sync.sql`."""
        return self._entries.database(id)

    def component(self, id: str) -> Any:
        """The object that was built for an entry. It belongs to the loop of the application."""
        return self._entries.component(id)

    def resource(self, id: str) -> Any:
        """The value that handlers get for an entry: of a `resource.python`, what its function made.
        It belongs to the loop of the application.
        """
        component = self.component(id)
        handed_out = getattr(component, "handed_out", None)
        return component if handed_out is None else handed_out()

    def logs(self, entry: str | None = None) -> list[LogLine]:
        """The lines of the log so far, from the level `info` on; those of one entry."""
        id = None if entry is None else str(self._entries.id(entry))
        return [line for line in self._life.evidence.book.lines if id is None or line.entry == id]

    def spans(self, entry: str | None = None) -> list[TracedSpan]:
        """The requests, messages, calls and statements that have ended; those of one entry."""
        self._host.loop.run(let_the_loop_run(), LIMIT)  # a request ends after its answer is sent
        return self._host.spans.of(None if entry is None else str(self._entries.id(entry)))

    @property
    def _host(self) -> Host:
        return self._life.host

    def _raise(self, expected: tuple[type[BaseException], ...]) -> None:
        __tracebackhide__ = True
        raise_unexpected(self._host.activity.take_failures(), expected)

    def _address(self, server: str | None) -> str:
        return self._life.address(None if server is None else self._entries.id(server))
