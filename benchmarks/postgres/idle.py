"""Idle: from a publish to the start of its handler on another machine that has nothing to do.

The machines are network namespaces, where such can be made, else programs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from benchmarks.postgres.server import Worker, percentile, serving
from benchmarks.postgres.worker import queue_on, store_of
from benchmarks.service import run
from benchmarks.service import serving as running
from benchmarks.table import Table
from tests.support import postgres_databases
from tests.support.hosts import Network

HEADS = ("told by", "messages", "p50, ms", "p95, ms", "most, ms")


def measure(quick: bool) -> Table:
    rows = []
    for listen, count, pauses in ((True, 100, (0.1, 0.4)), (False, 40, (0.5, 1.5))):
        waits = once(listen, count // (4 if quick else 1), pauses)
        ms = [f"{1000 * percentile(waits, share):.1f}" for share in (0.5, 0.95, 1)]
        rows.append(["LISTEN" if listen else "a look each second", str(len(waits)), *ms])
    return Table("From publish to start on an idle host", HEADS, rows)


def once(listen: bool, count: int, pauses: tuple[float, float]) -> list[float]:
    with hosts() as (address, within), serving(address) as server:
        url = f"{server.url}?sslmode=disable"
        worker = Worker(url, listen=listen, count=count, within=within)
        worker.begin()
        run(publish(url, listen, count, pauses))
        return worker.end().waits


@contextmanager
def hosts() -> Iterator[tuple[str, tuple[str, ...]]]:
    if os.getuid() != 0:
        yield "127.0.0.1", ()
        return
    network = Network()
    try:
        yield network.address, network.host().within
    finally:
        network.remove()


async def publish(url: str, listen: bool, count: int, pauses: tuple[float, float]) -> None:
    chance = random.Random(7)
    database = postgres_databases.database(url)
    async with running(database):
        driver, queue = queue_on(store_of(database, listen=listen))
        async with running(driver):
            await asyncio.sleep(2)  # until programs know of each other
            for _ in range(count):
                await asyncio.sleep(chance.uniform(*pauses))
                await queue.publish({"at": monotonic()})
            await asyncio.sleep(2)
