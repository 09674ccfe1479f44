"""process, for a plain `def` that runs as a process: its calls block."""

from __future__ import annotations

import asyncio

from runtime.handlers.context import call
from runtime.handlers.threads import call_threadsafe
from runtime.modules.process import current_run


def ready() -> None:
    """Report that others may rely on this process now (`type: notify`)."""
    run, loop = current_run(), call().scope.loop
    assert loop is not None
    call_threadsafe(loop, run.ready)


def alive() -> None:
    """Tell the service's `watchdog` that this process is at work."""
    current_run().alive()


def stopping(timeout: float | None = None) -> bool:
    """Block until the application begins to stop, or for `timeout` seconds.

    Returns True if it is stopping: `while not process.stopping(timeout=5): work()`.
    """
    run, loop = current_run(), call().scope.loop
    assert loop is not None
    return asyncio.run_coroutine_threadsafe(run.stopping(timeout), loop).result()
