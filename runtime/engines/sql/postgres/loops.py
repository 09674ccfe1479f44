"""Loops: calls from other event loops and from threads, run on the loop of the connections."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def on_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Await a coroutine on the loop that the connections belong to."""
    if asyncio.get_running_loop() is loop:
        return await coroutine
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


def wait_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Wait in a thread for a coroutine on that loop. Raises RuntimeError on an event loop."""
    try:
        check_thread()
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:
        coroutine.close()
        raise
    return future.result()


def check_thread() -> None:
    """Raise RuntimeError on an event loop, which a call that blocks would stop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "a blocking call would stop the event loop; in an `async def` use runtime.modules.sql"
    )
