"""LimitedSubscription: a consumer's subscription to a memory queue, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.clock import Timer
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.memory.partitioned_queue import PartitionedQueue
from runtime.engines.queue.memory.subscription import MemorySubscription
from runtime.engines.queue.message import Message, redelivery
from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.rate import Grants

if TYPE_CHECKING:
    from runtime.engines.queue.memory.queue import MemoryQueue


class LimitedSubscription(MemorySubscription):
    """While the rate allows nothing, its receivers wait for that, and leave what is ready to those
    of other consumers.
    """

    def __init__(self, queue: MemoryQueue, limits: Limits) -> None:
        _partition(queue, limits.partitions)
        super().__init__(queue)
        self._rate = limits.rate
        self._grants = queue.grants.setdefault(limits.consumer, Grants())
        self._now = queue.clock.monotonic
        self._call_later = queue.clock.call_later
        self._timer: Timer | None = None
        self._resting: list[asyncio.Future[None]] = []

    def take(self) -> Message | None:
        if self._is_shut or self._timer is not None:
            return None
        rate, now = self._rate, self._now()
        if rate is not None and not self._grants.allowed(rate, now):
            self._rest(self._grants.wait(rate, now))
            return None
        message = super().take()
        if message is None:
            partitioned = self._queue.partitioned
            if partitioned is not None and partitioned.has_more:
                asyncio.get_running_loop().call_soon(self._queue.wake)
        elif rate is not None:
            self._grants.take(rate, now, 1)
            if (wait := self._grants.wait(rate, now)) > 0:
                self._rest(wait)
        return message

    async def release(self, messages: Sequence[Message]) -> None:
        queue, partitioned = self._queue, self._queue.partitioned
        if partitioned is None:
            return await super().release(messages)
        for message in messages:
            if self._cancel_instead(message):
                continue
            if message in queue.in_flight:
                queue.in_flight.remove(message)
                partitioned.give_back(message, redelivery(message, message.attempt - 1))
                queue.wake()

    async def close(self) -> None:
        await super().close()
        if self._timer is not None:
            self._timer.cancel()
        self._end_rest()

    async def _arrival(self) -> None:
        if self._timer is None or self._closed:
            return await super()._arrival()
        self._wake_another()
        receiver = asyncio.get_running_loop().create_future()
        self._resting.append(receiver)
        try:
            await receiver
        finally:
            if receiver in self._resting:
                self._resting.remove(receiver)

    def _rest(self, wait: float) -> None:
        self._timer = self._call_later(wait, self._end_rest)

    def _end_rest(self) -> None:
        self._timer = None
        resting, self._resting = self._resting, []
        for receiver in resting:
            if not receiver.done():
                receiver.set_result(None)


def _partition(queue: MemoryQueue, partitions: Partitions | None) -> None:
    """Limit the partitions from now on, or no more."""
    if queue.partitioned is not None and queue.partitioned.partitions != partitions:
        queue.unpartition()
    if queue.partitioned is None and partitions is not None:
        queue.ready = queue.partitioned = PartitionedQueue(partitions, queue.ready, queue.in_flight)
