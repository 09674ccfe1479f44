"""A consumer at work on a memory queue, without an application around it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from runtime.backoff import Backoff
from runtime.clock import REAL, Clock
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext, Call, current

SOON = 30.0
"""Seconds within which anything that should happen has happened, on the slowest machine.

A machine that does ten things at once is ten times as slow: this only ends a test that hangs.
"""
AT_ONCE = Backoff(initial_delay=0, max_delay=0, jitter=0)


class Function:
    """A handler as the runtime calls it; one that is a `def` runs in a thread."""

    takes_argument = True

    def __init__(
        self, handler: Callable[..., Any], scope: ApplicationContext | None = None
    ) -> None:
        self.id = EntryId("app", "work")
        self.blocking = not inspect.iscoroutinefunction(handler)
        self.handler = handler
        self.scope = scope or ApplicationContext()

    def call(self, subject: object, *arguments: Any) -> Awaitable[Any]:
        current.set(Call(self.id, self.scope, subject))
        if self.blocking:
            return asyncio.to_thread(self.handler, *arguments)
        called: Awaitable[Any] = self.handler(*arguments)
        return called


def a_queue(name: str = "q", max_length: int = 1000, *, clock: Clock = REAL, **rules: Any) -> Queue:
    rules.setdefault("retry", AT_ONCE)
    rules.setdefault("max_attempts", 10)
    rules.setdefault("max_requeues", 10)
    return Queue(f"app:{name}", MemoryQueue(name, max_length, clock), clock=clock, **rules)


def scope_of(*queues: Queue) -> ApplicationContext:
    """An application that has these queues."""
    scope = ApplicationContext()
    scope.loop = asyncio.get_running_loop()
    for queue in queues:
        id = EntryId.parse(queue.id, "")
        scope.fields[id] = {}
        scope.components[id] = queue
    return scope


class Running:
    """A service that runs: `task` is its run, `stop` asks it to end."""

    def __init__(self, service: Any) -> None:
        self.ready = asyncio.Event()
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(service.run(lambda where="": self.ready.set(), self.stop))

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, SOON)


@asynccontextmanager
async def consuming(
    queue: Queue, handler: Callable[..., Any], **options: Any
) -> AsyncIterator[Running]:
    """Run a consumer of the queue; at the end, stop it if it was not stopped."""
    scope = options.pop("scope", None) or scope_of(queue)
    options = {"concurrency": 1, "prefetch": 10} | options
    running = Running(Consumer(queue, Function(handler, scope), **options))
    await asyncio.wait_for(running.ready.wait(), SOON)
    try:
        yield running
    finally:
        if not running.task.done():
            await running.end()


async def empty(queue: Queue) -> None:
    """Wait until a memory queue is empty and nothing is in flight."""
    assert isinstance(queue.driver_queue, MemoryQueue)
    await asyncio.wait_for(queue.driver_queue.join(), SOON)


async def dead_of(queue: Queue) -> list[tuple[str, str, str]]:
    """Reason, error and attempts of what died in a queue."""
    return [
        (
            dead_letter.headers["x_dead_letter_reason"],
            dead_letter.headers["x_dead_letter_error"],
            dead_letter.headers["attempts"],
        )
        for dead_letter in await queue.dead_letters()
    ]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that has no event, turn by turn."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine function, with a limit."""

    async def limited() -> None:
        await asyncio.wait_for(test(), 2 * SOON)

    asyncio.run(limited())
