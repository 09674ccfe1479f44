"""Queue: a driver's queue, with the rules for messages that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from runtime.backoff import Backoff
from runtime.clock import REAL, Clock
from runtime.engines.queue.dead_letter import TIME, NoDeadLetter, requeued
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Full,
    Info,
    NotHeld,
    PartialInfo,
)
from runtime.engines.queue.message import (
    Message,
)
from runtime.engines.queue.publication_tracer import PublicationTracer
from runtime.engines.queue.publishing import Publishing
from runtime.engines.queue.refusal_log import RefusalLog
from runtime.engines.queue.tally import QueueTally
from runtime.engines.queue.tracking import Tracking
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    from runtime.engines.queue.blocking import BlockingQueue


class Queue(Publishing, Tracking):
    """Handlers publish to it, consumers receive from it.

    `id` is its name in logs and dead letters; `driver_queue` holds its messages.
    """

    def __init__(
        self,
        id: str,
        driver_queue: DriverQueue,
        retry: Backoff,
        *,
        max_attempts: int,
        max_requeues: int,
        dead_letter: Queue | None = None,
        clock: Clock = REAL,
        tally: QueueTally | None = None,
        telemetry: Telemetry = OFF,
    ) -> None:
        self.id = id
        self.driver_queue = driver_queue
        self.retry = retry
        self.max_attempts = max_attempts
        self.max_requeues = max_requeues
        """The number of times that a dead letter may be requeued."""
        self.consumers = 0
        """The number of consumers that run in this program."""
        self.dead_letter = dead_letter
        self.tally = tally
        """Counts what is published, if that is counted."""
        self.checks: Sequence[tuple[str, Callable[[bytes], object]]] = ()
        """For each consumer, if all are typed: its function, and what decodes a body for it."""
        self.refusals = RefusalLog(clock)
        """For those who publish, except where their client is told."""
        self.clock = clock
        self.time = clock.time
        self.tracer = PublicationTracer(telemetry, id) if telemetry.enabled else None
        on_fork(self._leave_to_parent)

    @property
    def blocking(self) -> BlockingQueue:
        """The same for a plain `def`."""
        from runtime.engines.queue.blocking import BlockingQueue  # which is made of this

        return BlockingQueue(self)

    async def info(self) -> Info | PartialInfo:
        """The number of messages in each state, as far as the driver can tell."""
        info = await self.driver_queue.info()
        if self.dead_letter is None:
            return info
        moved = await self.dead_letter.driver_queue.count_dead_letters(self.id)
        return replace(info, dead=info.dead + moved)

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        """The oldest messages that died here, wherever they are kept. Raises ValueError for a limit
        below 0.
        """
        if limit < 0:
            raise ValueError(f"'limit' is {limit}, not 0 or more")
        letters = [
            letter
            for place, died_in in self._places()
            for letter in await place.dead_letters(limit, died_in)
        ]
        return sorted(letters, key=lambda letter: letter.headers.get(TIME, ""))[:limit]

    async def requeue(self, id: str) -> None:
        """Deliver the dead letter of that id here again, with its attempts unspent.

        Raises NoDeadLetter, RequeuedTooOften, Full, and KeyTaken if an unfinished message has its
        unique key. After an error the letter is where it was.
        """
        for place, died_in in self._places():
            letter = await place.find_dead_letter(id, died_in)
            if letter is not None:
                again = requeued(letter, self.id, self.max_requeues)
                with suppress(NotHeld):  # somebody else took it in this moment
                    try:
                        return await place.requeue(letter, again, self.driver_queue)
                    except Full as error:
                        raise self.full(error) from None
        raise self._no_dead_letter(id)

    async def drop(self, id: str) -> None:
        """Delete the dead letter of that id. Raises NoDeadLetter."""
        for place, died_in in self._places():
            letter = await place.find_dead_letter(id, died_in)
            if letter is not None:
                with suppress(NotHeld):
                    return await place.drop(letter)
        raise self._no_dead_letter(id)

    def _places(self) -> Iterable[tuple[DriverQueue, str | None]]:
        """Where dead letters may be: each driver's queue, and the `died_in` that they have there.

        The driver's own store is one also beside a dead letter queue, which may be a later choice.
        """
        yield self.driver_queue, None
        if self.dead_letter is not None:
            yield self.dead_letter.driver_queue, self.id

    def _no_dead_letter(self, id: str) -> NoDeadLetter:
        to = self.dead_letter
        hint = f"; or a consumer of '{to.id}' has it in hand" if to else ""
        return NoDeadLetter(f"there is no dead letter '{id}' of '{self.id}'{hint}")

    def _leave_to_parent(self) -> None:
        """In a forked child, whose copy of the queue has no consumers and is lost with it."""
        self.driver_queue = cast("DriverQueue", ParentOnly(f"queue '{self.id}'"))
