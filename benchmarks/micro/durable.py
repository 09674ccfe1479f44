"""Durable: the cost of publishing, claiming and acking a message, by the size of a batch."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.curve import Curve
from benchmarks.service import run, serving
from runtime.clock import REAL
from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.sql.driver import SqlDriver
from runtime.engines.queue.sql.operations import Ack, Claim, Claimed, Publish
from runtime.engines.queue.sql.store import StoreSettings
from runtime.engines.sql.sqlite.connection import Settings
from runtime.engines.sql.sqlite.database import Database

BATCHES = (1, 10, 100)
BODY = b'{"action": "uppercase", "data": {"text": "the quick brown fox jumps"}}'

Spent = tuple[float, float]
"""Microseconds a message: by the clock, and of processor."""


def measure(quick: bool) -> Iterator[Curve]:
    rounds, most = (3, 500) if quick else (5, 4_000)
    rows: list[list[str | float]] = []
    figures = {}
    for synchronous in ("NORMAL", "FULL"):
        for batch in BATCHES:
            steps = max(20, min(most // batch, 400))
            found = [run(_round(synchronous, batch, steps)) for _ in range(rounds)]
            publish, claim, ack = (
                [(median(wall for wall, _ in step), median(cpu for _, cpu in step))][0]
                for step in zip(*found, strict=True)
            )
            rows.append([f"{synchronous} {batch}", *publish, *claim, *ack])
            figures[f"{synchronous} {batch}"] = sum(part[1] for part in (publish, claim, ack))
    yield Curve(
        "durable",
        "Durable queue: µs a message, by how many are asked for together",
        ["at once", "publish", "CPU", "claim", "CPU", "ack", "CPU"],
        rows,
        figures,
    )


async def _round(synchronous: str, batch: int, steps: int) -> Sequence[Spent]:
    """Publish all, then claim all, then ack all, so many at a time."""
    async with _driver(synchronous) as driver:
        messages = [[Message(next_id(), BODY) for _ in range(batch)] for _ in range(steps)]
        held: list[tuple[int, Message]] = []

        async def publish(step: int) -> None:
            futures = [
                driver.store.publish(Publish("q", m, 0.0, None), None) for m in messages[step]
            ]
            await asyncio.gather(*futures)

        async def claim(step: int) -> None:
            store = driver.store
            claimed: Claimed = await store.claim(Claim("q", store.owner, batch, True))
            held.extend(claimed.messages)

        async def ack(step: int) -> None:
            mine = held[step * batch : (step + 1) * batch]
            acks = (Ack(seq, message.token) for seq, message in mine)
            await asyncio.gather(*(driver.store.settle(item) for item in acks))

        return [await _spent(part, steps, batch) for part in (publish, claim, ack)]


async def _spent(part: Any, steps: int, batch: int) -> Spent:
    wall, cpu = perf_counter(), process_time()
    for step in range(steps):
        await part(step)
    each = 1e6 / (steps * batch)
    return (perf_counter() - wall) * each, (process_time() - cpu) * each


@asynccontextmanager
async def _driver(synchronous: str) -> AsyncIterator[SqlDriver]:
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "queue.db"))
        pragmas = {"synchronous": synchronous}
        settings = Settings(
            file=file,
            label="bench",
            name="app:db",
            pragmas=pragmas,
            busy_timeout=5.0,
            file_mode=0o600,
        )
        database = Database(settings, transaction_timeout=3.0)
        store_settings = StoreSettings(
            id="app:driver",
            lease=10.0,
            heartbeat=3.0,
            durable=False,
            clock=REAL,
            lanes=3,
            listen=True,
        )
        driver = SqlDriver(store_settings.id, database.queue_store(store_settings))
        driver.declare("q", {"sql": {"max_length": 1_000_000}})
        async with serving(database), serving(driver):
            yield driver
