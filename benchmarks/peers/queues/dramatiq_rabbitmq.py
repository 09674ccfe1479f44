"""Dramatiq on RabbitMQ, with the eight threads it has by default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.queues.callers import publish_in_threads

TITLE = "Dramatiq"
SERVER = "RabbitMQ"
PACKAGES = ["dramatiq", "pika"]
COUNT = 4000


class Tool:
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        self._broker = RabbitmqBroker(url=url, confirm_delivery=True)

        @dramatiq.actor(broker=self._broker, actor_name="work")
        def work() -> None:
            done()

        self._work = work

    async def prepare(self) -> None:
        pass

    async def publish(self, count: int) -> None:
        await publish_in_threads(count, self._work.send)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = dramatiq.Worker(self._broker)
        worker.start()
        try:
            yield
        finally:
            worker.stop()
