"""Celery on RabbitMQ, with a pool of threads and late acknowledgement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from celery import Celery
from celery.contrib.testing.worker import start_worker

from benchmarks.queues.callers import CALLERS, publish_in_threads

TITLE = "Celery"
SERVER = "RabbitMQ"
PACKAGES = ["celery"]
COUNT = 4000


class Tool:
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        self._app = Celery("bench", broker=url)
        self._app.conf.update(
            task_ignore_result=True,
            task_acks_late=True,
            broker_transport_options={"confirm_publish": True},
            broker_pool_limit=CALLERS,
            worker_prefetch_multiplier=16,  # 4 by default, which was slower
        )

        @self._app.task(name="work")
        def work() -> None:
            done()

        self._work = work

    async def prepare(self) -> None:
        pass

    async def publish(self, count: int) -> None:
        await publish_in_threads(count, self._work.delay)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = start_worker(
            self._app,
            pool="threads",
            concurrency=8,
            perform_ping_check=False,
            shutdown_timeout=60.0,  # ten seconds, its default, were too few now and then
        )
        with worker:
            yield
