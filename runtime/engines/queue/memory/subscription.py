"""MemorySubscription: a consumer's subscription to a memory queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime.engines.queue.driver_queue import Closed, DriverQueue, NotHeld, requeue_elsewhere
from runtime.engines.queue.message import Message, redelivery
from runtime.engines.sql.contract import JoinableTransaction

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue


class MemorySubscription:
    """A consumer's subscription to a memory queue."""

    settles_in_background = False

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

    def ack_nowait(self, message: Message) -> None:
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
            raise not_held(message)
        if to is None:
            self._queue.dead.append(dead_letter)
        else:
            await to.publish_dead_letter(dead_letter)
        self._queue.delete(message)

    async def requeue(
        self,
        message: Message,
        again: Message,
        to: DriverQueue,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        if message not in self._queue.in_flight:
            raise not_held(message)
        await requeue_elsewhere(again, to)
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


def not_held(message: Message) -> NotHeld:
    """The error for a message that is not where it was."""
    return NotHeld(f"message '{message.id}' was settled before")
