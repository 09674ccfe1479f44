"""Publishing: what a queue does with messages that are given to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from runtime.codec import NotJSON, encode
from runtime.engines.queue.body import InvalidBody, encode_records
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import DriverQueue, Full, ScheduledQueue
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
from runtime.engines.queue.publication_tracer import PublicationTracer, batch_attributes
from runtime.engines.queue.tally import QueueTally
from runtime.engines.sql.contract import JoinableTransaction
from runtime.service import StartError, Unavailable
from runtime.telemetry import MOST_SPANS, current_span, span_time


class Publishing:
    """The part of a Queue to which handlers and schedules give messages."""

    id: str
    driver_queue: DriverQueue
    consumers: int
    checks: Sequence[tuple[str, Callable[[bytes], object]]]
    tally: QueueTally | None
    tracer: PublicationTracer | None
    """Makes spans of publications, if there are any."""
    time: Callable[[], float]

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
        tracer, span = self.tracer, None
        if tracer is not None:
            around, began = current_span(), span_time()
            if around is None or (around.root or around).sampled:  # type: ignore[attr-defined]
                span = tracer.begin()
        try:
            if span is not None:
                headers = tracer.carry(span, headers)  # type: ignore[union-attr]
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
                self.time(),
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
        except BaseException as error:
            if tracer is not None:
                tracer.fail(span, around, began, error)
            raise
        if self.tally is not None:
            self.tally.published += 1
        if tracer is not None:
            steps = None if span is not None or around is None else around.steps
            if steps is not None and len(steps) < MOST_SPANS:  # as `end`, without its calls
                steps.append((tracer.single, around, began, span_time(), id))
            else:
                tracer.end(span, around, began, id)
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
        if self.tracer is None:
            return await self._publish_many(bodies, headers, delay, priority, transaction)
        with self.tracer.batch() as span:
            headers = self.tracer.carry(span, headers)
            ids = await self._publish_many(bodies, headers, delay, priority, transaction)
            span.own = batch_attributes(ids)
            return ids

    async def _publish_many(
        self,
        bodies: Iterable[Any],
        headers: Mapping[str, str] | None,
        delay: float | str | None,
        priority: int,
        transaction: JoinableTransaction | None,
    ) -> list[str]:
        wait = 0.0 if delay is None else seconds(delay)
        rank = check_priority(priority)
        copied = NO_HEADERS if headers is None else copy_headers(headers)
        now = self.time()
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
        message = Message(next_id(), body, headers, 0, self.time(), 0, 0, key)
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
