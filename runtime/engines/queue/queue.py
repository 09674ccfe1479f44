"""Queue: a driver's queue, with the rules for messages that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from runtime.backoff import Backoff
from runtime.clock import REAL, Clock
from runtime.codec import NotJSON, encode
from runtime.engines.queue.body import InvalidBody, encode_records
from runtime.engines.queue.dead_letter import TIME, NoDeadLetter, requeued
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Full,
    Info,
    NotHeld,
    PartialInfo,
    ScheduledQueue,
)
from runtime.engines.queue.fired import Fired, key_of
from runtime.engines.queue.message import (
    NO_HEADERS,
    Message,
    check_priority,
    check_unique,
    copy_headers,
    counts_running,
    next_id,
)
from runtime.engines.queue.publication import encoded, publish_all
from runtime.engines.queue.refusal_log import RefusalLog
from runtime.engines.queue.tally import QueueTally
from runtime.engines.queue.tracking import Tracking
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.service import StartError, Unavailable

if TYPE_CHECKING:
    from runtime.engines.queue.blocking import BlockingQueue


class Queue(Tracking):
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
        self._time = clock.time
        on_fork(self._leave_to_parent)

    async def publish(
        self,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        unique: str | None = None,
        unique_while: str = "waiting",
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> str:
        """Publish a JSON value, which may be changed afterwards. Returns the message's id.

        Times, UUIDs, decimals, Enums, dataclasses and Structs are published as their JSON.
        With `unique`, a queue where a message of that key waits accepts no other, and the id of
        that one is returned; with `unique_while="unfinished"` also while it is running. A higher
        `priority` goes first. With `transaction`, the message is published when and if that is
        committed.

        Raises NotJSON, naming the place in the body; InvalidBody for one that the consumers of this
        queue, if all of them are typed, would not take; TypeError or ValueError for headers that
        are not strings, and for an invalid delay, key or priority; Full if there is no room, at
        once or after the time that the queue lets its publishers wait.
        """
        try:
            data = encode(body)
        except NotJSON:
            data = encode_records(body)
        if self.checks:
            self._check(data)
        message = Message(
            next_id(),
            data,
            NO_HEADERS if headers is None else copy_headers(headers),
            0,
            self._time(),
            0,
            check_priority(priority) if priority != 0 else 0,
            None if unique is None else check_unique(unique),
        )
        wait = 0.0 if delay is None else seconds(delay)
        running = unique_while != "waiting" and counts_running(unique, unique_while)
        try:
            id = await self.driver_queue.publish(message, wait, transaction, running)
        except (Full, Unavailable) as error:
            raise self._refused(error) from error.__cause__
        if self.tally is not None:
            self.tally.published += 1
        return id

    async def publish_many(
        self,
        bodies: Iterable[Any],
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> list[str]:
        """Publish JSON values, each as `publish` does, with the same headers, delay and priority.
        Returns the ids of the messages, in the order of the bodies.

        All of them or none, in one step of the driver; a broker is sent them together and may
        accept a part. Raises what `publish` does; an error of a body names its place, `bodies[2]`,
        and then nothing was published; the `accepted` of a Full is how many are in the queue.
        """
        wait = 0.0 if delay is None else seconds(delay)
        rank = check_priority(priority)
        copied = NO_HEADERS if headers is None else copy_headers(headers)
        now = self._time()
        messages = [
            Message(next_id(), data, copied, 0, now, 0, rank)
            async for data in encoded(bodies, self._check)
        ]
        try:
            await publish_all(self.driver_queue, messages, wait, transaction)
        except (Full, Unavailable) as error:
            raise self._refused(error, len(messages)) from error.__cause__
        if self.tally is not None:
            self.tally.published += len(messages)
        return [message.id for message in messages]

    @property
    def scheduled(self) -> ScheduledQueue:
        """The driver's queue, for schedules. Raises StartError if it is not made for them."""
        if not isinstance(self.driver_queue, ScheduledQueue):
            raise StartError(f"the driver of '{self.id}' does not remember what was fired")
        return self.driver_queue

    async def fire(
        self, schedule: str, at: float, body: bytes, headers: Mapping[str, str], *, overlap: bool
    ) -> Fired:
        """Publish a message for the planned time `at`, once over all programs; see DriverQueue.

        `body` is a JSON document. Without `overlap`, nothing is published while the message of an
        earlier time is unfinished. Raises Full.
        """
        key = None if overlap else key_of(schedule)
        message = Message(next_id(), body, headers, 0, self._time(), 0, 0, key)
        try:
            id = await self.scheduled.fire(schedule, at, message)
        except (Full, Unavailable) as error:
            raise self._refused(error) from error.__cause__
        if id is None:
            return Fired.ELSEWHERE
        if id != message.id:
            return Fired.OVERLAPPED
        if self.tally is not None:
            self.tally.published += 1
        return Fired.HERE

    def check_body(self, body: Any) -> None:
        """Raise NotJSON or InvalidBody as `publish` would."""
        if self.checks:
            try:
                data = encode(body)
            except NotJSON:
                data = encode_records(body)
            self._check(data)

    def _check(self, data: bytes, name: str = "the body") -> None:
        for function, decode in self.checks:
            try:
                decode(data)
            except InvalidBody as error:
                raise InvalidBody(f"{name} does not fit '{function}': {error}") from None

    @property
    def blocking(self) -> BlockingQueue:
        """The same for a plain `def`."""
        from runtime.engines.queue.blocking import BlockingQueue  # which is made of this

        return BlockingQueue(self)

    def full(self, error: Full, count: int = 1) -> Full:
        """The driver's error in the words of this queue, with what may be the reason; `count` is
        the number of messages that were to be published together.
        """
        length = "" if error.length is None else f" ({error.length})"
        waited = "" if error.waited is None else f", and no room came within {error.waited:g} s"
        reason = "" if self.consumers else "; no consumer of it runs here"
        state = "is full"
        if count > 1:
            state = f"has accepted {error.accepted:,} of {count:,} messages: it has no room for all"
        text = f"queue '{self.id}' {state}{length}{waited}{reason}"
        return Full(text, error.length, error.waited, error.accepted)

    def _refused(self, error: Full | Unavailable, count: int = 1) -> Full | Unavailable:
        reason = "full" if isinstance(error, Full) else "unavailable"
        if self.tally is not None:
            self.tally.refused[reason] += 1
        return self.full(error, count) if isinstance(error, Full) else error

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
