"""MemorySubscription: a consumer's subscription to a memory queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime.engines.queue.driver_queue import Closed, DriverQueue, NotHeld, requeue_elsewhere
from runtime.engines.queue.message import Message, redelivery
from runtime.engines.queue.tracked_queue import nobody, nothing
from runtime.engines.sql.contract import JoinableTransaction

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue


class MemorySubscription:
    """A consumer's subscription to a memory queue."""

    settles_in_background = False
    asking_since: float | None = None

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._closed = False
        self._is_shut = queue.paused
        """True while nothing is received: it is closed, or the queue is paused."""
        self.on_cancel: Callable[[str], None] = nobody
        self.unwritten: Callable[[Message], str | None] = nothing
        queue.subscriptions.append(self)
        self._waiting: set[asyncio.Future[None]] = set()

    def take(self) -> Message | None:
        if self._is_shut or (message := self._queue.ready.take()) is None:
            return None
        message.attempt += 1
        self._queue.in_flight.add(message)
        if self._queue.tracks.is_watched:
            self._queue.tracks.begin(message)
        return message

    async def receive(self) -> Message:
        while (message := self.take()) is None:
            await self._arrival()
        return message

    async def ack(self, message: Message, transaction: JoinableTransaction | None = None) -> None:
        if self._queue.retention is None:
            self._queue.delete(message)
        else:
            self._end(message, "done")

    def ack_nowait(self, message: Message) -> None:
        if self._queue.retention is None:
            self._queue.delete(message)
        else:
            self._end(message, "done")

    async def finish(
        self,
        message: Message,
        result: bytes | None,
        transaction: JoinableTransaction | None = None,
    ) -> None:
        self._end(message, "done", result)

    async def cancel(self, message: Message) -> None:
        self._end(message, "cancelled")

    def note(self, progress: Mapping[Message, str]) -> None:
        for message, text in progress.items():
            if message in self._queue.in_flight:
                self._queue.tracks.of(message.id).progress = text

    def look_at_pause(self) -> None:
        """Receive nothing while the queue is paused."""
        self._is_shut = self._closed or self._queue.paused

    def _cancel_instead(self, message: Message) -> bool:
        """Cancel a message that is to be, in place of giving it back. Returns True if it is."""
        tracks = self._queue.tracks
        if not tracks.notes or not tracks.is_cancelling(message):
            return False
        self._end(message, "cancelled")
        return True

    def _end(self, message: Message, state: str, result: bytes | None = None) -> None:
        if message not in self._queue.in_flight:
            raise not_held(message)
        if (told := self.unwritten(message)) is not None:
            self.note({message: told})
        self._queue.tracks.end(message, state, result)

    async def retry(self, message: Message, delay: float, error: str | None = None) -> None:
        if self._cancel_instead(message):
            return
        tracks = self._queue.tracks
        self._queue.take_back(message)
        if error is not None or tracks.notes:
            track = tracks.of(message.id)
            track.error, track.progress = error, None
        # A new object: the holder of the old delivery can no longer settle it.
        again = redelivery(message, message.attempt)
        if delay > 0:
            self._queue.delayed.add(again, delay)
        else:
            self._queue.push(again)

    async def release(self, messages: Sequence[Message]) -> None:
        queue = self._queue
        for message in reversed(messages):
            if self._cancel_instead(message):
                continue
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
        self._closed = self._is_shut = True
        if self in self._queue.subscriptions:
            self._queue.subscriptions.remove(self)
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
