"""Loop: the event loop that an application runs on, until all of it has ended."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from runtime.handlers.threads import call_threadsafe
from runtime.loggers import logger
from runtime.program.exit import exit_now, exit_soon
from runtime.program.signals import Signals
from runtime.supervision.child import GRACE

log = logger("runtime")

T = TypeVar("T")


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop, if that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def begin(
    signals: Signals, stop: Callable[[], None], budget: Callable[[], float]
) -> asyncio.AbstractEventLoop:
    """A loop for what is built by now: the first signal calls `stop` on it, and `budget()` seconds
    later the program is ended by force.
    """
    loop = new_loop()
    gc.freeze()  # what is built is permanent; the collector was disabled until now
    gc.enable()
    signals.drain_with(lambda: call_threadsafe(loop, stop), budget)
    signals.own(loop)
    loop.set_exception_handler(report)
    return loop


def end(loop: asyncio.AbstractEventLoop, code: int, is_stuck: bool) -> int:
    """Close the loop and return the exit code.

    A program that is stuck ends with it at once; one that a thread would keep alive ends soon.
    """
    if is_stuck:
        exit_now(code)
    exit_soon(code)
    loop.close()
    return code


def complete(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run the loop until `main` is done. A handler's task that calls sys.exit does not end it."""
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            log.error("a task raised %r, which ends the task only", error)


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio reports. Its own logger may be silenced by then."""
    culprit = {name: repr(context[name]) for name in ("task", "future") if name in context}
    logger("asyncio").error(
        "%s", context["message"], exc_info=context.get("exception"), extra={"fields": culprit}
    )


async def cancel_remaining_tasks(loop: asyncio.AbstractEventLoop) -> bool:
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
