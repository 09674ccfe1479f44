"""Tracks: what a memory queue knows of single messages beside the messages themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime.clock import Clock
from runtime.engines.queue.memory.letters import waiting
from runtime.engines.queue.message import Message
from runtime.engines.queue.status import Record
from runtime.engines.queue.tracked_queue import CANCELLED_FOR

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue

KEPT, KEPT_BYTES = 10_000, 64 * 1024 * 1024
"""Most messages that a queue keeps after their end, and most bytes of their results."""


class Track(msgspec.Struct):
    """Notes on an unfinished message."""

    started: float | None = None
    error: str | None = None
    progress: str | None = None
    cancelling: bool = False


class Tracks:
    """Notes on unfinished messages, and records of those that ended and are kept for a while.

    Nothing is noted of a message that runs well until somebody asks for one.
    """

    def __init__(self, queue: MemoryQueue, clock: Clock) -> None:
        self.notes: dict[str, Track] = {}
        self.is_watched = False
        """True once somebody wants to know when messages were started."""
        self._queue = queue
        self._time = clock.time
        self._kept: dict[str, tuple[float, Record]] = {}
        """By id, with the time until which it is kept."""
        self._size = 0

    def of(self, id: str) -> Track:
        """The notes on a message, to be changed."""
        return self.notes.setdefault(id, Track())

    def begin(self, message: Message) -> None:
        """A watched message was delivered."""
        self.of(message.id).started = self._time()

    def find(self, id: str) -> Record | None:
        """The record of a message, in whatever state it is."""
        self.is_watched, queue = True, self._queue
        for message in queue.in_flight:
            if message.id == id:
                return self._record(message, "running")
        for message in queue.ready:
            if message.id == id:
                return self._record(message, "ready")
        for due, _, message in queue.delayed.heap:
            if message.id == id:
                return self._record(message, "delayed", due=queue.delayed.time_of(due))
        self._forget()
        until, record = self._kept.get(id, (0.0, None))
        if record is not None and until > self._time():
            return record
        for message in queue.dead:
            if message.id == id:
                return self._record(message, "dead")
        return None

    def cancel(self, id: str) -> Record | None:
        """End a message that waits, and have one that is in flight ended."""
        record, queue = self.find(id), self._queue
        if record is None or record.state not in ("ready", "delayed", "running"):
            return record
        if record.state == "running":
            self.of(id).cancelling = True
            for subscription in queue.subscriptions:
                subscription.on_cancel(id)
            return self.find(id)
        message = next(each for each in waiting(queue) if each.id == id)
        (queue.ready if record.state == "ready" else queue.delayed).remove(message)
        queue.in_flight.add(message)  # from where it is deleted
        return self.end(message, "cancelled")

    def is_cancelling(self, message: Message) -> bool:
        """True if a message is not to be delivered again."""
        track = self.notes.get(message.id)
        return track is not None and track.cancelling

    def end(self, message: Message, state: str, result: bytes | None = None) -> Record:
        """Delete a message that is in flight, and keep its record. Raises NotHeld."""
        record = self._record(message, state, result)
        self._queue.delete(message)
        keep = self._queue.retention or 0.0
        if state == "cancelled":
            keep = max(keep, CANCELLED_FOR)
        self._kept[message.id] = self._time() + keep, record
        self._size += len(result or b"")
        self._forget()
        return record

    def pause(self, paused: bool) -> None:
        """Deliver nothing, or go on."""
        queue = self._queue
        queue.paused = paused
        for subscription in queue.subscriptions:
            subscription.look_at_pause()
        if not paused:
            for _ in range(len(queue.ready)):
                queue.wake()

    def _record(
        self, message: Message, state: str, result: bytes | None = None, due: float | None = None
    ) -> Record:
        track = self.notes.get(message.id, _NOTHING)
        return Record(
            id=message.id,
            state=state,
            attempt=message.attempt,
            published=message.published,
            started=track.started,
            due=due,
            ended=self._time() if state in ("done", "cancelled") else None,
            progress=track.progress,
            error=track.error,
            headers=message.headers,
            result=result,
            cancelling=track.cancelling,
        )

    def _forget(self) -> None:
        """Forget what was kept for long enough, and the oldest of what is too much."""
        now = self._time()
        while self._kept:
            id, (until, record) = next(iter(self._kept.items()))
            if until > now and len(self._kept) <= KEPT and self._size <= KEPT_BYTES:
                return
            del self._kept[id]
            self._size -= len(record.result or b"")


_NOTHING = Track()
