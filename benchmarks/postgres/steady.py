"""Steady: 3,000 tasks a second for minutes: the size of the table, and the server's time a task."""

from __future__ import annotations

import asyncio
from statistics import mean
from time import monotonic

from benchmarks.postgres.server import Worker, serving
from benchmarks.postgres.worker import queue_on, store_of
from benchmarks.queues.program import server_cpu
from benchmarks.service import run
from benchmarks.service import serving as running
from benchmarks.table import Table
from runtime.engines.queue.queue import Queue
from tests.support import postgres_databases
from tests.support.postgres_server import PostgresServer

RATE = 3_000
TURN = 0.01
"""Seconds between two groups of publishes."""
EVERY = 5.0
"""Seconds between two looks."""
SIZE = "SELECT pg_total_relation_size('runtime_message')"
HEADS = ("seconds", "tasks/s", "table at most, MiB", "server's µs a task: first half", "second")


def measure(quick: bool) -> Table:
    seconds = 20.0 if quick else 180.0
    with serving() as server:
        worker = Worker(server.url)
        worker.begin()
        row = run(publish(server, seconds))
        done = worker.end().done
    row.insert(1, f"{done / seconds:,.0f}")
    return Table("A steady rate on PostgreSQL", HEADS, [row])


async def publish(server: PostgresServer, seconds: float) -> list[str]:
    sizes: list[int] = []
    costs: list[float] = []
    database = postgres_databases.database(server.url)
    async with running(database):
        driver, queue = queue_on(store_of(database))
        async with running(driver):
            end = monotonic() + seconds
            while (began := monotonic()) < end:
                cpu = server_cpu(server.process.guard_pid)
                count = await pace(queue, min(EVERY, end - began))
                costs.append(1e6 * (server_cpu(server.process.guard_pid) - cpu) / max(count, 1))
                sizes.append(int(str((await asyncio.to_thread(server.execute, SIZE))[0][0])))
            await asyncio.sleep(1)
    half = len(costs) // 2
    most = f"{max(sizes) / 2**20:.0f}"
    return [f"{seconds:.0f}", most, f"{mean(costs[:half]):.0f}", f"{mean(costs[half:]):.0f}"]


async def pace(queue: Queue, seconds: float) -> int:
    """Publish at the rate for so long. Returns how many."""
    began, sent = monotonic(), 0
    while (now := monotonic() - began) < seconds:
        due = int(now * RATE) - sent
        await asyncio.gather(*(queue.publish({}) for _ in range(due)))
        sent += due
        await asyncio.sleep(TURN)
    return sent
