"""Callers: many clients that publish at once, each one task after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

CALLERS = 64


async def publish_all(count: int, publish: Callable[[], Awaitable[object]]) -> None:
    """Publish `count` tasks from 64 coroutines."""
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            await publish()

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())


async def publish_in_threads(count: int, publish: Callable[[], object]) -> None:
    """Publish `count` tasks from 64 threads, for a client that blocks."""
    left = iter(range(count))

    def caller() -> None:
        for _ in left:
            publish()

    with ThreadPoolExecutor(CALLERS) as threads:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(threads, caller) for _ in range(CALLERS)))
