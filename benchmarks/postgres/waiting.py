"""Waiting: what a claim costs by how many messages wait, on a table that was analysed empty."""

from __future__ import annotations

from time import perf_counter

from benchmarks.postgres.server import fill, serving
from benchmarks.postgres.worker import QUEUE, queue_on, store_of
from benchmarks.queues.program import server_cpu
from benchmarks.service import run
from benchmarks.service import serving as running
from benchmarks.table import Table
from runtime.engines.queue.sql.operations import Claim
from tests.support import postgres_databases
from tests.support.postgres_server import PostgresServer

CLAIMS = 400
HEADS = ("waiting", "claimed at once", "ms a claim", "server's µs a claim", "of the least")


def measure(quick: bool) -> Table:
    waiting = (1_000, 100_000) if quick else (1_000, 1_000_000)
    rows: list[list[str]] = []
    for at_once in (1, 50):
        least = 0.0
        for length in waiting:
            with serving() as server:
                wall, cpu = run(claim(server, length, at_once))
            least = least or cpu
            rows.append(
                [
                    f"{length:,}",
                    str(at_once),
                    f"{wall * 1000:.2f}",
                    f"{cpu * 1e6:.0f}",
                    f"{cpu / least:.2f}",
                ]
            )
    return Table("Claims on PostgreSQL, by the backlog", HEADS, rows)


async def claim(server: PostgresServer, length: int, at_once: int) -> tuple[float, float]:
    """Seconds a claim, and those of the server's processor; the queue is filled up each time."""
    database = postgres_databases.database(server.url)
    async with running(database):
        store = store_of(database)
        driver, _ = queue_on(store)
        async with running(driver):
            server.execute("ANALYZE runtime_message")
            server.execute("ALTER TABLE runtime_message SET (autovacuum_enabled = false)")
            fill(server, length)
            server.execute("CHECKPOINT")
            seconds = cpu = 0.0
            times = min(CLAIMS, length // 2 // at_once)
            for _ in range(CLAIMS // times):
                before, began = server_cpu(server.process.guard_pid), perf_counter()
                for _ in range(times):
                    claimed = await store.claim(Claim(QUEUE, store.owner, at_once, False))
                    assert len(claimed.messages) == at_once
                seconds += perf_counter() - began
                cpu += server_cpu(server.process.guard_pid) - before
                fill(server, times * at_once)
            made = times * (CLAIMS // times)
            return seconds / made, cpu / made
