"""Counting: what a request and a message cost more while they are counted."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from statistics import median
from time import process_time

from benchmarks.curve import Curve
from benchmarks.micro.dispatch import BODY, cost, dispatcher
from benchmarks.micro.memory import Function
from benchmarks.service import run, serving
from runtime.backoff import Backoff
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.tally import QueueTally, Tally
from runtime.engines.web.traffic import Traffic

ROUTES = 100


def measure(quick: bool) -> Iterator[Curve]:
    messages, rounds = (20_000, 5) if quick else (50_000, 11)
    found: dict[str, list[tuple[float, float]]] = {"message": [], "request": []}
    for _ in range(rounds):  # by turns, so that the machine's moods meet both
        found["message"].append((run(_messages(messages, False)), run(_messages(messages, True))))
        plain, counted = dispatcher(ROUTES), dispatcher(ROUTES, Traffic())
        requests = messages // 10
        found["request"].append(
            (run(cost(plain, "/tasks", requests)), run(cost(counted, "/tasks", requests)))
        )
    rows = []
    for name, pairs in found.items():
        least = median(without for without, _ in pairs)
        more = median(counted - without for without, counted in pairs)
        rows.append([name, least, least + more, more])
    yield Curve(
        "counting",
        "Counting: CPU µs of what is counted with management on",
        ["", "not counted", "counted", "more"],
        rows,
        {"message": float(rows[0][3]), "request": float(rows[1][3])},
        "a message of a memory queue, published to acked; a request without a server",
    )


async def _messages(messages: int, counts: bool) -> float:
    """Microseconds of processor a message."""
    retry = Backoff(initial_delay=1, max_delay=1, jitter=0)
    queue = Queue(
        "app:q",
        MemoryQueue("q", 10_000_000),
        retry,
        max_attempts=10,
        max_requeues=3,
        tally=QueueTally() if counts else None,
    )
    await queue.publish(BODY.decode())
    gc.collect()
    function = Function(messages)
    function.queue = queue
    tally = Tally() if counts else None
    began = process_time()
    async with serving(Consumer(queue, function, concurrency=1, prefetch=10, tally=tally)):
        await function.done.wait()
    return (process_time() - began) / messages * 1e6
