"""Service: runs a service of the runtime for the length of a measurement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the event loop that applications use."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@asynccontextmanager
async def serving(service: Any) -> AsyncIterator[None]:
    """Run anything with `run(ready, stop)`, and stop it at the end. Raises its error."""
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(service.run(lambda where="": ready.set(), stop))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield
    finally:
        stop.set()
        await task
