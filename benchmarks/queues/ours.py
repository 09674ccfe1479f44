"""Ours: a queue and a consumer of the runtime on a driver, without an application around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from benchmarks.queues.callers import publish_all
from benchmarks.service import serving
from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from tests.support.consuming import Function, scope_of
from tests.support.driver_conformance.suite import Harness, Implementation


class Tool:
    """64 messages at once, and 100 claimed ahead, unless said otherwise."""

    def __init__(
        self,
        implementation: Implementation,
        done: Callable[[], None],
        *,
        concurrency: int = 64,
        prefetch: int = 100,
    ) -> None:
        self._implementation = implementation
        self._concurrency, self._prefetch = concurrency, prefetch

        async def work(body: object) -> None:
            done()

        self._work = work

    async def prepare(self) -> None:
        # it is open until the program ends
        self._opened = self._implementation.open(REAL)
        self._harness = Harness(self._implementation.name, await self._opened.__aenter__())
        driver_queue = self._harness.declare("bench", 1_000_000)
        self._queue = Queue("app:bench", driver_queue, Backoff(), max_attempts=10, max_requeues=3)
        await self._harness.start()

    async def publish(self, count: int) -> None:
        await publish_all(count, lambda: self._queue.publish({}))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        function = Function(self._work, scope_of(self._queue))
        consumer = Consumer(
            self._queue, function, concurrency=self._concurrency, prefetch=self._prefetch
        )
        async with serving(consumer):
            yield
