"""Worker: a program of one consumer, 64 at a time, that a benchmark starts.

    python -m benchmarks.postgres.worker URL LISTEN COUNT

It prints `ready` and begins on a line of its input. After COUNT messages, or at the end of its
input, it prints the seconds of its claims, and those from the publish of each message whose body
has the time until its handler started.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from benchmarks.service import run, serving
from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from runtime.engines.queue.sql.driver import SqlDriver
from tests.support import postgres_databases
from tests.support.consuming import Function, scope_of
from tests.support.stores import store_settings

ROOM = 10_000_000
QUEUE = "bench"


class Seen(msgspec.Struct):
    done: int = 0
    claims: list[float] = []
    waits: list[float] = []


def store_of(database: Any, *, listen: bool = True) -> Any:
    """A store whose publishes wait for the disk, as they do by default."""
    return database.queue_store(replace(store_settings(listen=listen), durable=True))


def queue_on(store: Any) -> tuple[SqlDriver, Queue]:
    driver = SqlDriver("app:queues", store, clock=REAL)
    declared = driver.declare(QUEUE, {"sql": {"max_length": ROOM}})
    return driver, Queue("app:bench", declared, Backoff(), max_attempts=10, max_requeues=3)


async def work(url: str, listen: bool, count: int) -> Seen:
    seen, loop = Seen(), asyncio.get_running_loop()
    begun, ended = asyncio.Event(), asyncio.Event()

    def read() -> None:
        (ended if begun.is_set() or not sys.stdin.readline() else begun).set()

    async def handle(body: dict[str, float]) -> None:
        seen.done += 1
        if at := body.get("at"):
            seen.waits.append(monotonic() - at)
        if seen.done == count:
            ended.set()

    database = postgres_databases.database(url)
    async with serving(database):
        store = store_of(database, listen=listen)
        _time(store, seen)
        driver, queue = queue_on(store)
        async with serving(driver):
            print("ready", flush=True)
            loop.add_reader(sys.stdin, read)
            await begun.wait()
            consumer = Consumer(
                queue, Function(handle, scope_of(queue)), concurrency=64, prefetch=100
            )
            async with serving(consumer):
                await ended.wait()
    return seen


def _time(store: Any, seen: Seen) -> None:
    claim = store.claim

    def timed(item: Any) -> Any:
        began = monotonic()
        future = claim(item)
        future.add_done_callback(lambda _: seen.claims.append(monotonic() - began))
        return future

    store.claim = store.claim_lazily = timed


def main(url: str, listen: str, count: str) -> None:
    seen = run(work(url, listen == "listen", int(count)))
    print(msgspec.json.encode(seen).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
