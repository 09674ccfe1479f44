"""Program: one application in this process, from its start to the exit code."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from runtime.application.application import Application
from runtime.handlers.threads import call_threadsafe
from runtime.handlers.watchdog import Watchdog
from runtime.loggers import logger
from runtime.program.exit import crash_guard, exit_now, exit_soon
from runtime.program.signals import Signals
from runtime.supervision.child import GRACE

log = logger("runtime")

TICK = 0.5
"""Seconds between two looks at what handlers may have taken from the program."""

T = TypeVar("T")


def run(application: Application, signals: Signals) -> int:
    """Serve an application that is built until a signal arrives, and return its exit code.

    If a task or a thread would keep the process alive, this ends it instead of returning.
    """
    # Requests in flight are thousands of young objects and no garbage: collect less often.
    gc.set_threshold(10_000, *gc.get_threshold()[1:])
    loop = _new_loop()
    stop = asyncio.Event()

    def budget() -> float:
        supervisor = application.supervisor
        return supervisor.budget if supervisor else GRACE

    gc.freeze()  # everything built so far is permanent; `main` disabled the collector until now
    gc.enable()
    signals.drain_with(lambda: call_threadsafe(loop, stop.set), budget)
    signals.own(loop)
    loop.set_exception_handler(_report)
    _every(loop, TICK, signals.take_back)
    watchdog = Watchdog(loop, application.pool)
    watchdog.start()
    with crash_guard():
        code = _complete(loop, application.serve(stop))
        stuck = _complete(loop, _cancel_remaining_tasks(loop))
    watchdog.stop()
    if stuck or application.pool.unfinished:
        exit_now(code)
    exit_soon(code)
    loop.close()
    return code


def _complete(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run the loop until `main` is done. A handler's task that calls sys.exit does not end it."""
    task = loop.create_task(main)
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


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio reports. Its own logger may be silenced by then."""
    culprit = {name: repr(context[name]) for name in ("task", "future") if name in context}
    logger("asyncio").error(
        "%s", context["message"], exc_info=context.get("exception"), extra={"fields": culprit}
    )


def _every(loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], None]) -> None:
    """Call now, and every so many seconds while the loop runs."""
    call()
    loop.call_later(seconds, _every, loop, seconds, call)


async def _cancel_remaining_tasks(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel the tasks and async generators left over; true if any of them does not end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        _, tasks = await asyncio.wait(tasks, timeout=GRACE)
    try:
        async with asyncio.timeout(GRACE):
            await loop.shutdown_asyncgens()
    except TimeoutError:
        return True
    return bool(tasks)
