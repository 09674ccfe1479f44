"""DeferringQueue: the writer's queue where each commit waits for the disk.

Syncs are what tasks wait for, so as much as possible shares one: what nobody waits for is kept back
until somebody waits for something, and between two groups the event loop gets a turn, in which all
that the first one has woken can ask for more. Otherwise two tasks would alternate for ever, each
waiting for the other's sync.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import Any

from runtime.engines.sql.sqlite.completion import Completion, deliver
from runtime.engines.sql.sqlite.work_queue import WorkQueue
from runtime.engines.sql.sqlite.writer import Item

DELAY = 0.002
"""Seconds after which what is deferred is written by itself."""
TURN = 0.0005
"""Most seconds that the writer waits for the loop: about as long as a sync takes."""
MANY = 16
"""Queued items that are a group already."""


class DeferringQueue(WorkQueue[Item]):
    """Belongs to the event loop that made it; `take_deferred` and `deliver` to the writer."""

    def __init__(self, database: str) -> None:
        super().__init__(database)
        self._loop = asyncio.get_running_loop()
        self._deferred: deque[Item] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._turn = Lock()
        self._turn.acquire()

    def defer(self, item: Any) -> None:
        if not self._accepting:
            raise self.closed_error()
        self._deferred.append(item)
        if self._timer is None:
            self._timer = self._loop.call_later(DELAY, self._flush)

    def take_deferred(self) -> list[Item]:
        taken: list[Item] = []
        with suppress(IndexError):
            while True:
                taken.append(self._deferred.popleft())
        return taken

    def deliver(self, completions: list[Completion]) -> None:
        self._turn.acquire(blocking=False)  # a turn that came too late
        woken = deliver(completions, self._begin_turn)
        if woken and self._accepting and self.items.qsize() < MANY:
            self._turn.acquire(timeout=TURN)

    def seal(self) -> None:
        super().seal()
        if self._timer is not None:
            self._timer.cancel()
        for item in self.take_deferred():
            self.items.put(item)

    def _flush(self) -> None:
        self._timer = None
        self.hurry()

    def hurry(self) -> None:
        # The last one, since the writer puts the others in front of it.
        with suppress(IndexError):
            self.items.put(self._deferred.pop())

    def _begin_turn(self) -> None:
        """Called behind what wakes the tasks; they run in the next turn, and claims after it."""
        self._loop.call_soon(self._loop.call_soon, self._end_turn)

    def _end_turn(self) -> None:
        with suppress(RuntimeError):  # the writer did not wait for it, and the lock is open
            self._turn.release()
