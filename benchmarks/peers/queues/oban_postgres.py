"""oban-py, with 64 jobs at once. It needs Python 3.12."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from oban import Oban, schema, worker
from psycopg_pool import AsyncConnectionPool

from benchmarks.queues.callers import publish_all

TITLE = "oban-py"
SERVER = "PostgreSQL"
PACKAGES = ["oban"]
COUNT = 4000


class Tool:
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        self._pool = AsyncConnectionPool(url, min_size=4, max_size=16, open=False)

        @worker(queue="bench")
        class Work:
            async def process(self, job: Any) -> None:
                done()

        self._work = Work

    async def prepare(self) -> None:
        await self._pool.open()
        await schema.install(self._pool)
        self._client = Oban(pool=self._pool)
        await self._client.start()

    async def publish(self, count: int) -> None:
        async def publish() -> None:
            await self._client.enqueue(self._work.new({}))

        await publish_all(count, publish)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with Oban(pool=self._pool, name="worker", queues={"bench": 64}):
            yield
