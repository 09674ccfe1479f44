"""Queue: a driver's queue, with the rules for messages that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from runtime.backoff import Backoff
from runtime.clock import REAL, Clock
from runtime.codec import encode
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.message import (
    NO_HEADERS,
    Message,
    check_priority,
    check_unique,
    copy_headers,
    next_id,
)
from runtime.engines.sql.contract import JoinableTransaction
from runtime.handlers.fork import ParentOnly, on_fork
from runtime.telemetry import TRACEPARENT, Telemetry


class Queue:
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
        dead_letter: Queue | None = None,
        clock: Clock = REAL,
    ) -> None:
        self.id = id
        self.driver_queue = driver_queue
        self.retry = retry
        self.max_attempts = max_attempts
        self.dead_letter = dead_letter
        self._time = clock.time
        on_fork(self._leave_to_parent)

    async def publish(
        self,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        unique: str | None = None,
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> str:
        """Publish a JSON value, which may be changed afterwards. Returns the message's id.

        With `unique`, a queue that has an unfinished message of that key accepts no other, and the
        id of that one is returned. A higher `priority` goes first. With `transaction`, the message
        is published when and if that is committed.

        Raises NotJSON, naming the place in the body; TypeError or ValueError for headers that are
        not strings, and for an invalid delay, key or priority; Full at once if there is no room.
        """
        message = Message(
            next_id(),
            encode(body),
            NO_HEADERS if headers is None else copy_headers(headers),
            0,
            self._time(),
            0,
            check_priority(priority) if priority != 0 else 0,
            None if unique is None else check_unique(unique),
        )
        wait = 0.0 if delay is None else seconds(delay)
        return await self.driver_queue.publish(message, wait, transaction)

    async def info(self) -> Info:
        """The number of messages in each state."""
        return await self.driver_queue.info()

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        """The oldest messages that died here, if there is no dead letter queue for them."""
        return await self.driver_queue.dead_letters(limit)

    def _leave_to_parent(self) -> None:
        """In a forked child, whose copy of the queue has no consumers and is lost with it."""
        self.driver_queue = cast("DriverQueue", ParentOnly(f"queue '{self.id}'"))


class TracedQueue(Queue):
    """A queue whose `publish` is a span, which travels in the header `traceparent`."""

    def __init__(self, *arguments: Any, telemetry: Telemetry, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._telemetry = telemetry

    async def publish(
        self,
        body: Any,
        headers: Mapping[str, str] | None = None,
        delay: float | str | None = None,
        *,
        unique: str | None = None,
        priority: int = 0,
        transaction: JoinableTransaction | None = None,
    ) -> str:
        """As `Queue.publish`; a `traceparent` among `headers` stays."""
        attributes = {"messaging.destination.name": self.id}
        with self._telemetry.span("queue.publish", self.id, **attributes) as span:
            given = {} if headers is None else copy_headers(headers)
            id = await super().publish(
                body,
                {TRACEPARENT: span.traceparent, **given},
                delay,
                unique=unique,
                priority=priority,
                transaction=transaction,
            )
            span.attributes["messaging.message.id"] = id
            return id
