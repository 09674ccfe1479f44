"""Lengths: how many messages a memory queue has in each state, and how old they are."""

from __future__ import annotations

from collections.abc import Collection

from runtime.clock import Clock
from runtime.engines.queue.backlog import Backlog
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.memory.delay_queue import DelayQueue
from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.message import Message


class Lengths:
    """What a queue tells of the messages that it keeps."""

    ready: PriorityQueue
    delayed: DelayQueue
    in_flight: Collection[Message]
    dead: Collection[Message]
    clock: Clock
    paused: bool

    async def info(self) -> Info:
        ready, delayed, running = len(self.ready), len(self.delayed), len(self.in_flight)
        return Info(ready, delayed, running, len(self.dead), self.paused)

    async def backlog(self) -> Backlog:
        info = await self.info()
        first = min((message.published for message in self.ready.heads()), default=None)
        oldest = None if first is None else max(0.0, self.clock.time() - first)
        return Backlog(info.ready, info.dead, info.delayed, info.in_flight, info.paused, oldest)
