"""Procrastinate, with 64 jobs at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from procrastinate import App, PsycopgConnector

from benchmarks.queues.callers import publish_all

TITLE = "Procrastinate"
SERVER = "PostgreSQL"
PACKAGES = ["procrastinate"]
COUNT = 600  # its fetch grows dearer with what waits: more would only make it slower


class Tool:
    def __init__(self, url: str, done: Callable[[], None]) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=16))

        @self._app.task(name="work")
        async def work() -> None:
            done()

        self._work = work

    async def prepare(self) -> None:
        await self._app.open_async()
        await self._app.schema_manager.apply_schema_async()

    async def publish(self, count: int) -> None:
        await publish_all(count, self._work.defer_async)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = asyncio.create_task(
            self._app.run_worker_async(concurrency=64, install_signal_handlers=False)
        )
        try:
            yield
        finally:
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
