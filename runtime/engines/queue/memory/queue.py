"""Memory line: the messages of one queue in this process, gone when it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from runtime.engines.queue.driver_queue import Closed, DriverQueue, Full, Info, NotHeld
from runtime.engines.queue.memory.delay_queue import DelayQueue
from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.message import Message, redelivery
from runtime.engines.sql.contract import JoinableTransaction


class MemoryQueue:
    """A line, bounded, first in first out; its dead letters are kept without bound.

    Nothing here suspends but `receive` on an empty line, `join`, and burying in another line.
    """

    def __init__(self, name: str, max_length: int) -> None:
        self.name = name
        self.max_length = max_length
        self.ready = PriorityQueue()
        self.delayed = DelayQueue(self.push)
        self.in_flight: set[Message] = set()
        self.dead: deque[Message] = deque()
        self.receivers: deque[asyncio.Future[None]] = deque()
        self._length = 0
        self._keys: dict[str, str] = {}
        self._joiners: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        """Ready, delayed and in flight: what `max_length` bounds."""
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

    async def accept(self, letter: Message) -> None:
        self._length += 1
        self.push(letter)

    def subscribe(self, prefetch: int) -> MemorySubscription:
        # To claim is free here, so nothing is claimed ahead: other consumers may have it.
        return MemorySubscription(self)

    async def info(self) -> Info:
        return Info(len(self.ready), len(self.delayed), len(self.in_flight), len(self.dead))

    async def dead_letters(self, limit: int = 100) -> Sequence[Message]:
        return list(islice(self.dead, limit))

    async def join(self) -> None:
        """Wait until nothing is ready, delayed or in flight: for tests and operators."""
        while self._length:
            waiter = asyncio.get_running_loop().create_future()
            self._joiners.append(waiter)
            await waiter

    def push(self, message: Message) -> None:
        """Put a message at the end of what is ready."""
        self.ready.add(message)
        if self.receivers:
            self.wake()

    def wake(self) -> None:
        """Let one of the waiting receivers look again."""
        while self.receivers:
            receiver = self.receivers.popleft()
            if not receiver.done():
                receiver.set_result(None)
                return

    def take_back(self, message: Message) -> None:
        """A hand-out ended, and the message stays. Raises NotHeld."""
        if message not in self.in_flight:
            raise _not_held(message)
        self.in_flight.remove(message)

    def forget(self, message: Message) -> None:
        """A hand-out ended, and the message with it. Raises NotHeld."""
        if message not in self.in_flight:
            raise _not_held(message)
        self.in_flight.remove(message)
        self._length -= 1
        if message.unique is not None:
            del self._keys[message.unique]
        if self._joiners and not self._length:
            self._tell_joiners()

    def _tell_joiners(self) -> None:
        for joiner in self._joiners:
            if not joiner.done():
                joiner.set_result(None)
        self._joiners.clear()


class MemorySubscription:
    """A consumer's hold on a memory line."""

    def __init__(self, line: MemoryQueue) -> None:
        self._line = line
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    def take(self) -> Message | None:
        if self._closed or (message := self._line.ready.take()) is None:
            return None
        message.attempt += 1
        self._line.in_flight.add(message)
        return message

    async def receive(self) -> Message:
        while (message := self.take()) is None:
            await self._arrival()
        return message

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        self._line.forget(message)

    async def retry(self, message: Message, delay: float) -> None:
        self._line.take_back(message)
        # A copy: whoever still holds the old hand-out can no longer settle it.
        next_one = redelivery(message, message.attempt)
        if delay > 0:
            self._line.delayed.add(next_one, delay)
        else:
            self._line.push(next_one)

    async def release(self, messages: Sequence[Message]) -> None:
        line = self._line
        for message in reversed(messages):
            if message in line.in_flight:
                line.take_back(message)
                line.ready.put_back(redelivery(message, message.attempt - 1))
                line.wake()

    async def bury(self, message: Message, letter: Message, to: DriverQueue | None) -> None:
        if message not in self._line.in_flight:
            raise _not_held(message)
        if to is None:
            self._line.dead.append(letter)
        else:
            await to.accept(letter)
        self._line.forget(message)

    async def close(self) -> None:
        self._closed = True
        for receiver in self._waiting:
            if not receiver.done():
                self._line.receivers.remove(receiver)
                receiver.set_result(None)

    async def _arrival(self) -> None:
        """Wait until it makes sense to look again. Raises Closed."""
        if self._closed:
            self._pass_on()
            raise Closed
        receiver = asyncio.get_running_loop().create_future()
        self._line.receivers.append(receiver)
        self._waiting.add(receiver)
        try:
            await receiver
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._line.receivers.remove(receiver)
            self._pass_on()
            raise
        finally:
            self._waiting.discard(receiver)

    def _pass_on(self) -> None:
        """Wake another receiver: this one may have been woken for a message, and goes."""
        if self._line.ready:
            self._line.wake()


def _not_held(message: Message) -> NotHeld:
    return NotHeld(f"message '{message.id}' was settled before")
