"""Consumers with limits: what they begin, alone and in batches, and what a test has of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.limits import Limits
from runtime.engines.queue.partitions import Partitions
from runtime.engines.queue.rate import Rate
from runtime.service import StartError
from runtime.testing import running
from tests.support.blackbox import write_files
from tests.support.clock import FakeClock
from tests.support.consuming import (
    Function,
    a_queue,
    consuming,
    empty,
    run,
    scope_of,
    until,
)

FIVE = Rate(limit=5, per=1.0)


def limited(rate: Rate | None = None, per_key: int | None = None) -> dict[str, Any]:
    partitions = None if per_key is None else Partitions(by="body.tenant", per_key=per_key)
    return {"limits": Limits(consumer="app:c", rate=rate, partitions=partitions)}


def test_messages_begin_one_after_the_other_as_the_rate_says() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue = a_queue(clock=fake.clock)
        times: list[float] = []

        async def handler(body: Any) -> None:
            times.append(round(fake.monotonic(), 3))

        await queue.publish_many(range(7))
        async with consuming(queue, handler, clock=fake.clock, concurrency=4, **limited(FIVE)):
            await fake.advance(0.9)
            assert times == [0, 0.2, 0.4, 0.6, 0.8]
            await fake.advance(0.3)

        assert times[5:] == [1.0, 1.2]

    run(test)


def test_each_message_of_a_batch_counts_in_the_rate() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue = a_queue(clock=fake.clock)
        batches: list[list[int]] = []

        async def handler(bodies: list[int]) -> None:
            batches.append(bodies)

        await queue.publish_many(range(8))
        batching = Batching(size=100, wait=0.5)
        options = {"batching": batching, "prefetch": 100, **limited(FIVE)}
        async with consuming(queue, handler, clock=fake.clock, **options):
            await fake.advance(1.45)

        assert batches == [[0, 1, 2], [3, 4, 5]]  # those at 0, 0.2 and 0.4 s; and from 0.6 s on

    run(test)


def test_a_batch_has_of_each_key_what_may_run_at_the_same_time() -> None:
    async def test() -> None:
        queue = a_queue()
        batches: list[list[str]] = []

        async def handler(bodies: list[dict[str, str]]) -> None:
            batches.append([body["tenant"] for body in bodies])

        await queue.publish_many([{"tenant": tenant} for tenant in "aaabab"])
        options = {"batching": Batching(size=10, wait=0.0), "prefetch": 100, **limited(per_key=2)}
        async with consuming(queue, handler, **options):
            await empty(queue)

        assert batches == [["a", "a", "b", "b"], ["a", "a"]]

    run(test)


def test_of_one_key_one_handler_runs_while_others_go_on() -> None:
    async def test() -> None:
        queue = a_queue()
        events: list[str] = []
        gate = asyncio.Event()

        async def handler(body: dict[str, Any]) -> None:
            events.append(f"+{body['n']}")
            if body["n"] == 0:
                await gate.wait()
            events.append(f"-{body['n']}")

        await queue.publish_many([{"tenant": "aab"[n], "n": n} for n in range(3)])
        async with consuming(queue, handler, concurrency=3, **limited(per_key=1)):
            await until(lambda: "-2" in events)
            assert events == ["+0", "+2", "-2"]
            gate.set()
            await empty(queue)

        assert events[3:] == ["-0", "+1", "-1"]

    run(test)


def test_a_driver_without_limits_is_refused_at_the_start() -> None:
    class Unlimited:
        def subscribe(self, prefetch: int) -> None:
            raise AssertionError

    async def test() -> None:
        queue = a_queue()
        queue.driver_queue = Unlimited()  # type: ignore[assignment]
        function = Function(print, scope_of(queue))
        consumer = Consumer(queue, function, concurrency=1, prefetch=1, **limited(FIVE))
        with pytest.raises(StartError, match="keeps no 'rate' or 'concurrency_by'"):
            await consumer.run(lambda where="": None, asyncio.Event())

    run(test)


APPLICATION = """
namespace: app
entries:
  - {name: memory, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: memory}
  - name: work
    kind: queue.consumer
    queue: tasks
    func: file://h.py#work
    concurrency: 3
    rate: 1/h
    concurrency_by: body.tenant
    per_key: 1
    lifecycle: {auto_start: true}
"""
HANDLERS = """
from runtime.modules import queue
running, most = [], [0]

async def work(body):
    running.append(body)
    most[0] = max(most[0], len(running))
    await queue.message().ack()
    running.remove(body)
"""


def test_in_the_kit_nothing_waits_for_a_rate(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": APPLICATION, "h.py": HANDLERS})
    with running(tmp_path) as app:
        for _ in range(5):
            app.publish("app:tasks", {"tenant": "a"})
        app.drain()

        assert app.info("app:tasks").ready == 0
