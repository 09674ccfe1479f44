"""Program: one application in this process, from its start to the exit code."""

from __future__ import annotations

import asyncio
import logging

from runtime.application import Application
from runtime.child import GRACE
from runtime.signals import Signals, leave

log = logging.getLogger("runtime")


def run(application: Application, signals: Signals) -> int:
    """Serve a built application until a signal; the exit code.

    Does not return if a task or a thread would hold the program open: then it ends here.
    """
    loop = _new_loop()
    stop = asyncio.Event()

    def budget() -> float:
        supervisor = application.supervisor
        return supervisor.budget if supervisor else GRACE

    def drain() -> None:
        loop.call_soon_threadsafe(stop.set)

    signals.drain_with(drain, budget)
    try:
        code = loop.run_until_complete(application.serve(stop))
        held = loop.run_until_complete(_tidy(loop)) or application.pool.unfinished > 0
    except Exception:
        log.exception("unexpected error of the runtime; please report it")
        leave(1)
        raise
    if held:
        leave(code)
    loop.close()
    return code


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _tidy(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel what is left; whether something of it goes on all the same."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=GRACE)
    await loop.shutdown_asyncgens()
    return bool(left)
