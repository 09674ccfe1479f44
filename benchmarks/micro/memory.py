"""Memory: the cost of a message in the memory queue, by the number of messages waiting."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import Any

from benchmarks.curve import Curve
from benchmarks.service import run, serving
from runtime.backoff import Backoff
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.memory.priority_queue import PriorityQueue
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.handlers.handler import Handler
from runtime.handlers.invocation import Invocation
from runtime.handlers.threads import ThreadPool

SIZES = (1, 1_000, 100_000, 1_000_000)
BODY = {"action": "uppercase", "data": {"text": "the quick brown fox jumps"}}


class Function:
    """A handler as the runtime calls it, which only counts its messages down to the last one.

    While it is measured it also publishes the next, so that always as many wait.
    """

    blocking = False
    takes_argument = True

    def __init__(self, messages: int) -> None:
        self.id = EntryId("app", "work")
        handler = Handler(self.handle, ThreadPool(1).submit)
        self.call = Invocation(self.id, ApplicationContext(), handler).call_apart
        self.left = messages
        self.done = asyncio.Event()
        self.queue: Queue | None = None

    async def handle(self, body: Any) -> None:
        self.left -= 1
        if self.left <= 0:
            self.done.set()
        elif self.queue is not None:
            await self.queue.publish(BODY)


def measure(quick: bool) -> Iterator[Curve]:
    messages, rounds = (20_000, 3) if quick else (50_000, 3)
    sizes = SIZES[:-1] if quick else SIZES
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    floor = []
    for _ in range(rounds):
        floor.append(run(_awaiting(messages)))
        for size in sizes:
            costs[size].append(run(_through(size, messages)))
    least = median(floor)
    over = {size: median(costs[size]) - least for size in sizes}
    yield Curve(
        "memory",
        "Memory queue: CPU µs a message, published to acked, concurrency 2",
        ["waiting", "a message", "over awaiting the handler", "ratio to the first"],
        [[size, median(costs[size]), over[size], over[size] / over[1]] for size in sizes],
        {
            "message": max(median(each) for each in costs.values()),
            "flat": max(over.values()) / over[1],
        },
        f"awaiting the handler: {least:.2f} µs",
    )


async def _awaiting(messages: int) -> float:
    function = Function(messages)
    began = process_time()
    for _ in range(messages):
        await function.handle(BODY)
    return (process_time() - began) / messages * 1e6


async def _through(waiting: int, messages: int) -> float:
    """Microseconds of processor a message while so many wait."""
    driver_queue = MemoryQueue("q", 10_000_000)
    retry = Backoff(initial_delay=1, max_delay=1, jitter=0)
    queue = Queue("app:q", driver_queue, retry, max_attempts=10, max_requeues=3)
    for _ in range(waiting):
        await queue.publish(BODY)
    gc.collect()
    function = Function(messages)
    function.queue = queue
    began = process_time()
    async with serving(Consumer(queue, function, concurrency=2, prefetch=10)):
        await function.done.wait()
        took = process_time() - began
        driver_queue.ready = PriorityQueue()
    return took / messages * 1e6
