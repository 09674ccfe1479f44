"""Progressing: what handlers tell of their progress, on its way to the driver."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import chain

from runtime.clock import Clock, Timer
from runtime.engines.queue.driver_queue import Ending
from runtime.engines.queue.message import Message
from runtime.engines.queue.status import Progress, decode_progress
from runtime.engines.queue.tracked_queue import TrackedSubscription

INTERVAL = 0.5
"""Seconds between two writes: of what is told meanwhile, the latest counts."""


class Progressing:
    """The latest progress of each message in hand that was not written yet. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._call_later = clock.call_later
        self._unwritten: dict[Message, tuple[TrackedSubscription, str]] = {}
        self._writing: dict[Message, str] = {}
        self._written_at = -INTERVAL
        self._timer: Timer | None = None

    def tell(self, message: Message, subscription: TrackedSubscription, progress: str) -> None:
        """Have it written in a moment, unless there is something later by then."""
        self._unwritten[message] = subscription, progress
        if self._timer is None:
            wait = max(0.0, self._written_at + INTERVAL - self._now())
            self._timer = self._call_later(wait, self._write)

    def forget(self, message: Message) -> None:
        """The message is no longer in hand, and told of anew."""
        self._unwritten.pop(message, None)
        self._writing.pop(message, None)

    def unwritten(self, message: Message) -> str | None:
        """The latest progress of a message, if it was not written yet."""
        told = self._unwritten.get(message)
        return self._writing.get(message) if told is None else told[1]

    def latest(self, id: str) -> Progress | None:
        """The progress of a message, if it was not written yet."""
        unwritten = ((message, told) for message, (_, told) in self._unwritten.items())
        for message, told in chain(unwritten, self._writing.items()):
            if message.id == id:
                return decode_progress(told)
        return None

    def _write(self) -> None:
        self._timer, self._written_at = None, self._now()
        unwritten, self._unwritten = self._unwritten, {}
        told: dict[TrackedSubscription, dict[Message, str]] = {}
        for message, (subscription, progress) in unwritten.items():
            told.setdefault(subscription, {})[message] = progress
        for subscription, progress_of in told.items():
            noted = subscription.note(progress_of)
            if noted is not None:
                self._writing.update(progress_of)
                noted.add_done_callback(partial(self._on_noted, progress_of))

    def _on_noted(self, progress_of: Mapping[Message, str], noted: Ending) -> None:
        for message, progress in progress_of.items():
            if self._writing.get(message) == progress:
                del self._writing[message]
