"""Blocking: how a plain `def` in a thread waits for the event loop of its application."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from runtime.handlers import context
from runtime.handlers.fork import forbid_in_child

T = TypeVar("T")


def wait(work: Coroutine[Any, Any, T], name: str) -> T:
    """Run a coroutine on the event loop, and block this thread until it is done.

    `name` is what is used, for errors. Raises RuntimeError on an event loop, and if the application
    does not run; ForkedChild in a forked child.
    """
    try:
        forbid_in_child(name, context.call().scope.depth)
        loop = context.call().scope.loop
        if loop is None:
            raise RuntimeError("the application is not running")
        if _on_a_loop():
            raise RuntimeError(
                "runtime.modules.sync blocks, which an 'async def' must not; "
                "import runtime.modules and await"
            )
    except RuntimeError:
        work.close()
        raise
    return asyncio.run_coroutine_threadsafe(work, loop).result()


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
