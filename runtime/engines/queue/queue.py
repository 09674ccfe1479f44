"""Queue: a line of messages with the rules for those that fail."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from time import time
from typing import Any

from runtime.backoff import Backoff
from runtime.codec import encode
from runtime.engines.queue.delay import seconds
from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.message import NO_HEADERS, Message, copied, keyed, next_id, ranked
from runtime.engines.sql.contract import JoinableTransaction


class Queue:
    """What handlers publish to and consumers take from.

    `id` is what logs and dead letters call it; `line` holds its messages, wherever they are.
    """

    def __init__(
        self,
        id: str,
        line: DriverQueue,
        retry: Backoff,
        *,
        max_attempts: int = 10,
        dead_letter: Queue | None = None,
    ) -> None:
        self.id = id
        self.line = line
        self.max_attempts = max_attempts
        self.dead_letter = dead_letter
        self._retry = retry

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
        """Put a JSON value into the queue; its id. The value may be changed afterwards.

        With `unique`, a queue that has a message of that key, waiting or running, takes no other:
        the id is that one's. A higher `priority` goes first. With `transaction`, it is there when
        and if that is committed.

        Raises NotJSON, naming the place in the body; TypeError or ValueError for headers that are
        no strings, and for a delay, a key or a priority that is none; Full at once if there is no
        room.
        """
        message = Message(
            next_id(),
            encode(body),
            NO_HEADERS if headers is None else copied(headers),
            0,
            time(),
            0,
            ranked(priority) if priority != 0 else 0,
            None if unique is None else keyed(unique),
        )
        wait = 0.0 if delay is None else seconds(delay)
        return await self.line.publish(message, wait, transaction)

    async def info(self) -> Info:
        """How many messages there are, by where they are."""
        return await self.line.info()

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        """The oldest messages that died here, if there is no dead letter queue for them."""
        return await self.line.dead_letters(limit)

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failure of that attempt."""
        return self._retry.delay(attempt, random.random)
