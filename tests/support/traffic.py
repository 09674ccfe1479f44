"""Traffic through a driver whose service is run again whenever it fails, as a supervisor does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from runtime.engines.queue.driver_queue import DriverQueue, Full, NotHeld
from runtime.service import Unavailable
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import a_message
from tests.support.driver_conformance.suite import Service

AGAIN = 0.05
"""Seconds before a failed run is followed by another."""
PUBLISHERS = 16


class Supervised:
    """A driver that runs; `ends` are the reasons for which it had to be run again."""

    def __init__(self, driver: Service) -> None:
        self.ends: list[Unavailable] = []
        self.ended = asyncio.Event()
        self.ready = asyncio.Event()
        self._driver = driver
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._supervise())

    async def again(self) -> Unavailable:
        """Wait until the run has failed, and the next one is ready. Gives the reason."""
        async with asyncio.timeout(SOON):
            await self.ended.wait()
            await self.ready.wait()
        self.ended.clear()
        return self.ends[-1]

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, SOON)

    async def _supervise(self) -> None:
        while not self._stop.is_set():
            try:
                return await self._driver.run(lambda where="": self.ready.set(), self._stop)
            except Unavailable as error:
                if self.ready.is_set():
                    self.ends.append(error)
                    self.ready.clear()
                    self.ended.set()
            await asyncio.sleep(AGAIN)


@asynccontextmanager
async def supervised(driver: Service) -> AsyncIterator[Supervised]:
    running = Supervised(driver)
    try:
        await asyncio.wait_for(running.ready.wait(), SOON)
        yield running
    finally:
        await running.stop()


class Traffic:
    """Publishers and receivers that go on through failures, until `finish`."""

    def __init__(self, queue: DriverQueue) -> None:
        self.accepted: set[str] = set()
        self.received: Counter[str] = Counter()
        self.refused = 0
        self._queue = queue
        self._subscription = queue.subscribe(50)
        self._ended = False
        self._changed = asyncio.Event()
        self._publishers = [asyncio.create_task(self._publish()) for _ in range(PUBLISHERS)]
        self._receivers = [asyncio.create_task(self._receive()) for _ in range(PUBLISHERS)]

    async def more(self, count: int) -> None:
        """Wait until so many more messages were accepted."""
        goal = len(self.accepted) + count
        await self._until(lambda: len(self.accepted) >= goal)

    async def finish(self) -> set[str]:
        """Stop publishing, and receive what is left. Gives what was accepted and never came."""
        self._ended = True
        await asyncio.wait_for(asyncio.gather(*self._publishers), SOON)
        await self._until(lambda: self.accepted <= self.received.keys())
        await self._subscription.close()
        await asyncio.wait_for(asyncio.gather(*self._receivers, return_exceptions=True), SOON)
        return self.accepted - self.received.keys()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(2 * SOON):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def _publish(self) -> None:
        while not self._ended:
            message = a_message()
            try:
                await self._queue.publish(message)
            except (Unavailable, Full):
                self.refused += 1
                await asyncio.sleep(AGAIN)
            else:
                self.accepted.add(message.id)
                self._changed.set()

    async def _receive(self) -> None:
        while True:
            message = await self._subscription.receive()
            self.received[message.id] += 1
            self._changed.set()
            with suppress(NotHeld):  # it comes again
                await self._subscription.ack(message)
