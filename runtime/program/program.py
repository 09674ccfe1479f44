"""Program: one application in this process, from its start to the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from runtime.application.application import Application
from runtime.program.signals import Signals, exit_now, exit_soon
from runtime.supervision.child import GRACE

log = logging.getLogger("runtime")

T = TypeVar("T")


def run(application: Application, signals: Signals) -> int:
    """Serve a built application until a signal; the exit code.

    Does not return if a task or a thread would hold the program open: then it ends here.
    """
    # Requests in hand are thousands of young objects and no garbage: look for circles less often.
    gc.set_threshold(10_000, *gc.get_threshold()[1:])
    loop = _new_loop()
    stop = asyncio.Event()

    def budget() -> float:
        supervisor = application.supervisor
        return supervisor.budget if supervisor else GRACE

    def drain() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: all is drained
            loop.call_soon_threadsafe(stop.set)

    gc.freeze()  # what is there by now stays; `main` has let nobody look for garbage in it
    gc.enable()
    signals.drain_with(drain, budget)
    try:
        code = _complete(loop, application.serve(stop))
        held = _complete(loop, _tidy(loop))
    except Exception:
        log.exception("unexpected error of the runtime; please report it")
        exit_now(1)
    if held or application.pool.unfinished:
        exit_now(code)
    exit_soon(code)
    loop.close()
    return code


def _complete(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run the loop until `work` is done, also past a task of a handler that calls sys.exit."""
    task = loop.create_task(work)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            log.error("a task raised %r, which ends the task only", error)


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
    try:
        async with asyncio.timeout(GRACE):
            await loop.shutdown_asyncgens()
    except TimeoutError:
        return True
    return bool(left)
