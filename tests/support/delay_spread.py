"""Many delayed messages over a span of time, and when each of them was received."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from time import monotonic, time

from runtime.codec import decode
from runtime.engines.queue.queue import Queue

AT_ONCE = 500
"""How many are published at one time."""
RECEIVERS = 50


@dataclass(frozen=True, slots=True)
class Receipt:
    number: int
    late: float
    """Seconds after its due time; below 0 it was early."""


class Scatter:
    """Messages with the bodies 0, 1, 2, … that are due at random times within `span` seconds."""

    def __init__(self, queue: Queue, count: int, first: float, span: float, seed: int) -> None:
        self._queue = queue
        self._count = count
        chance = random.Random(seed)
        self._delays = [first + chance.random() * span for _ in range(count)]
        self._due: list[tuple[float, float]] = [(0.0, 0.0)] * count

    async def publish(self) -> None:
        for start in range(0, self._count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self._count))
            await asyncio.gather(*map(self._publish, numbers))

    async def receive(self) -> list[Receipt]:
        """Receive and ack all of them, in the order in which they come."""
        subscription = self._queue.driver_queue.subscribe(RECEIVERS)
        receipts: list[Receipt] = []

        async def work() -> None:
            while True:
                message = await subscription.receive()
                receipts.append(self._receipt(decode(message.body)))
                await subscription.ack(message)
                if len(receipts) == self._count:
                    received.set()

        received = asyncio.Event()
        workers = [asyncio.ensure_future(work()) for _ in range(RECEIVERS)]
        waiting = asyncio.ensure_future(received.wait())
        await asyncio.wait([waiting, *workers], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await subscription.close()
        await asyncio.gather(waiting, *workers, return_exceptions=True)
        return receipts

    async def _publish(self, number: int) -> None:
        delay = self._delays[number]
        self._due[number] = (time() + delay, monotonic() + delay)
        await self._queue.publish(number, delay=delay)

    def _receipt(self, number: int) -> Receipt:
        # A driver uses one of the two clocks, which need not go equally fast.
        wall, steady = self._due[number]
        return Receipt(number, max(time() - wall, monotonic() - steady))
