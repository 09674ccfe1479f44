"""MemoryQueue: the messages of one queue in this process, gone when it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from runtime.clock import REAL, Clock
from runtime.engines.queue.driver_queue import Closed, DriverQueue, Full, Info, NotHeld
from runtime.engines.queue.memory.delay_queue import DelayQueue
from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.message import Message, redelivery
from runtime.engines.sql.contract import JoinableTransaction


class MemoryQueue:
    """A bounded queue, first in first out; its dead letters are kept without bound.

    Its methods suspend only in `receive` on an empty queue, in `join`, and in a burial in another
    queue.
    """

    def __init__(self, name: str, max_length: int, clock: Clock = REAL) -> None:
        self.name = name
        self.max_length = max_length
        self.ready = PriorityQueue()
        self.delayed = DelayQueue(self.push, clock)
        self.in_flight: set[Message] = set()
        self.dead: deque[Message] = deque()
        self.receivers: deque[asyncio.Future[None]] = deque()
        self._length = 0
        self._keys: dict[str, str] = {}
        self._joiners: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        """Ready, delayed and in-flight messages together, which `max_length` bounds."""
        return self._length

    async def publish(
        self, message: Message, delay: float = 0.0, transaction: JoinableTransaction | None = None
    ) -> str:
        if transaction is not None:
            raise ValueError(
                f"queue '{self.name}' is in memory, which no transaction reaches; "
                "give it a driver of kind queue.driver.sql"
            )
        if message.unique is not None and message.unique in self._keys:
            return self._keys[message.unique]
        if self._length >= self.max_length:
            raise Full(f"queue '{self.name}' holds {self._length} messages, its max_length")
        self._length += 1
        if message.unique is not None:
            self._keys[message.unique] = message.id
        if delay > 0:
            self.delayed.add(message, delay)
        else:  # `push`, without the cost of a call
            self.ready.add(message)
            if self.receivers:
                self.wake()
        return message.id

    async def publish_dead_letter(self, message: Message) -> None:
        self._length += 1
        self.push(message)

    def subscribe(self, prefetch: int) -> MemorySubscription:
        # A claim is free here, so nothing is claimed ahead: other consumers may have it.
        return MemorySubscription(self)

    async def info(self) -> Info:
        return Info(len(self.ready), len(self.delayed), len(self.in_flight), len(self.dead))

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        return list(islice(self.dead, limit))

    async def join(self) -> None:
        """Wait until nothing is ready, delayed or in flight: for tests and operators."""
        while self._length:
            joiner = asyncio.get_running_loop().create_future()
            self._joiners.append(joiner)
            await joiner

    def push(self, message: Message) -> None:
        """Put a message behind those that are ready."""
        self.ready.add(message)
        if self.receivers:
            self.wake()

    def wake(self) -> None:
        """Wake one of the waiting receivers."""
        while self.receivers:
            receiver = self.receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                return

    def take_back(self, message: Message) -> None:
        """End a delivery and keep the message. Raises NotHeld."""
        if message not in self.in_flight:
            raise _not_held(message)
        self.in_flight.remove(message)

    def delete(self, message: Message) -> None:
        """End a delivery and delete the message. Raises NotHeld."""
        if message not in self.in_flight:
            raise _not_held(message)
        self.in_flight.remove(message)
        self._length -= 1
        if message.unique is not None:
            del self._keys[message.unique]
        if self._joiners and not self._length:
            self._wake_joiners()

    def _wake_joiners(self) -> None:
        for joiner in self._joiners:
            if not joiner.done():
                joiner.set_result(None)
        self._joiners.clear()


class MemorySubscription:
    """A consumer's subscription to a memory queue."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    def take(self) -> Message | None:
        if self._closed or (message := self._queue.ready.take()) is None:
            return None
        message.attempt += 1
        self._queue.in_flight.add(message)
        return message

    async def receive(self) -> Message:
        while (message := self.take()) is None:
            await self._arrival()
        return message

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        self._queue.delete(message)

    async def retry(self, message: Message, delay: float) -> None:
        self._queue.take_back(message)
        # A new object: the holder of the old delivery can no longer settle it.
        again = redelivery(message, message.attempt)
        if delay > 0:
            self._queue.delayed.add(again, delay)
        else:
            self._queue.push(again)

    async def release(self, messages: Sequence[Message]) -> None:
        queue = self._queue
        for message in reversed(messages):
            if message in queue.in_flight:
                queue.take_back(message)
                queue.ready.put_back(redelivery(message, message.attempt - 1))
                queue.wake()

    async def bury(self, message: Message, dead_letter: Message, to: DriverQueue | None) -> None:
        if message not in self._queue.in_flight:
            raise _not_held(message)
        if to is None:
            self._queue.dead.append(dead_letter)
        else:
            await to.publish_dead_letter(dead_letter)
        self._queue.delete(message)

    async def close(self) -> None:
        self._closed = True
        for receiver in self._waiting:
            if not receiver.done():
                self._queue.receivers.remove(receiver)
                receiver.set_result(None)

    async def _arrival(self) -> None:
        """Wait until there may be a message. Raises Closed."""
        if self._closed:
            self._wake_another()
            raise Closed
        receiver = asyncio.get_running_loop().create_future()
        self._queue.receivers.append(receiver)
        self._waiting.add(receiver)
        try:
            await receiver
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._queue.receivers.remove(receiver)
            self._wake_another()
            raise
        finally:
            self._waiting.discard(receiver)

    def _wake_another(self) -> None:
        """Wake another receiver: this one may have been woken for a message, and leaves."""
        if self._queue.ready:
            self._queue.wake()


def _not_held(message: Message) -> NotHeld:
    return NotHeld(f"message '{message.id}' was settled before")
