"""Forgotten: what a claim costs by the dead rows that somebody's snapshot keeps before it."""

from __future__ import annotations

from time import perf_counter

import psycopg

from benchmarks.postgres.server import fill, serving
from benchmarks.postgres.worker import QUEUE, queue_on, store_of
from benchmarks.queues.program import server_cpu
from benchmarks.service import run
from benchmarks.service import serving as running
from benchmarks.table import Table
from runtime.engines.queue.sql.operations import Ack, Claim
from tests.support import postgres_databases
from tests.support.postgres_server import PostgresServer

AT_ONCE = 500
CLAIMS = 200
HEADS = ("dead rows kept", "claimed at once", "ms a claim", "server's µs a claim")


def measure(quick: bool) -> Table:
    rows = []
    for dead in (0, 10_000) if quick else (0, 50_000, 200_000):
        for at_once in (1, 50):
            with serving() as server:
                wall, cpu = run(claim(server, dead, at_once))
            rows.append([f"{dead:,}", str(at_once), f"{wall * 1000:.2f}", f"{cpu * 1e6:.0f}"])
    return Table("Claims on PostgreSQL while a snapshot is forgotten", HEADS, rows)


async def claim(server: PostgresServer, dead: int, at_once: int) -> tuple[float, float]:
    """Seconds a claim, and those of the server's processor."""
    database = postgres_databases.database(server.url)
    async with running(database):
        store = store_of(database)
        driver, _ = queue_on(store)
        async with running(driver):
            with psycopg.connect(server.url) as forgotten:
                forgotten.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                forgotten.execute("SELECT 1")
                fill(server, dead + CLAIMS * at_once)
                for _ in range(0, dead, AT_ONCE):
                    claimed = await store.claim(Claim(QUEUE, store.owner, AT_ONCE, False))
                    for seq, message in claimed.messages:
                        done = store.settle(Ack(seq, message.token))
                    await done
                before, began = server_cpu(server.process.guard_pid), perf_counter()
                for _ in range(CLAIMS):
                    await store.claim(Claim(QUEUE, store.owner, at_once, False))
                seconds = perf_counter() - began
                cpu = server_cpu(server.process.guard_pid) - before
    return seconds / CLAIMS, cpu / CLAIMS
