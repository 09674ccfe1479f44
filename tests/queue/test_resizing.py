"""A consumer that runs is given more workers, or fewer: nothing stops, and no message is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.queue import Queue
from runtime.modules import queue as module
from tests.support.consuming import (
    SOON,
    Function,
    Running,
    a_queue,
    dead_of,
    empty,
    run,
    scope_of,
    until,
)
from tests.support.tracking import becomes, each_driver, opened


class Gate:
    """A handler whose messages wait until they may end, and a count of those in hand."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.attempts: list[tuple[Any, int]] = []
        self.in_hand = self.most = 0

    async def handle(self, body: Any) -> None:
        self.attempts.append((body, module.message().attempt))
        self.in_hand += 1
        self.most = max(self.most, self.in_hand)
        try:
            await self.open.wait()
        finally:
            self.in_hand -= 1


class Site:
    """A consumer that runs, and can be given another number of workers."""

    def __init__(self, queue: Queue, handler: Callable[..., Any], options: dict[str, Any]) -> None:
        self._queue = queue
        self._function = Function(handler, scope_of(queue))
        self._options = {"concurrency": 1, "prefetch": 10} | options
        self.consumer = self._consumer()
        self.running = Running(self.consumer)

    def resize(self, concurrency: int, **options: Any) -> None:
        self._options |= {"concurrency": concurrency, **options}
        self.consumer.revise(self._consumer())

    def _consumer(self) -> Consumer:
        return Consumer(self._queue, self._function, **self._options)


@asynccontextmanager
async def working(queue: Queue, handler: Callable[..., Any], **options: Any) -> AsyncIterator[Site]:
    site = Site(queue, handler, options)
    await asyncio.wait_for(site.running.ready.wait(), SOON)
    try:
        yield site
    finally:
        if not site.running.task.done():
            await site.running.end()


def test_further_workers_begin_at_once() -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle) as site:
            await queue.publish_many(range(3))
            await until(lambda: gate.in_hand == 1)
            site.resize(3)
            await until(lambda: gate.in_hand == 3)
            assert site.consumer.busy == 3
            gate.open.set()
            await empty(queue)

    run(test)


def test_those_beyond_end_after_the_message_that_they_have_in_hand() -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle, concurrency=3) as site:
            await queue.publish_many(range(6))
            await until(lambda: gate.in_hand == 3)
            site.resize(1)
            gate.open.set()
            await until(lambda: gate.in_hand == 0)
            gate.open.clear()
            gate.most = 0
            await queue.publish_many(range(6, 9))
            await until(lambda: gate.in_hand == 1)
            gate.open.set()
            await empty(queue)
            assert gate.most == 1
            assert sorted(gate.attempts) == [(number, 1) for number in range(9)]

    run(test)


def test_those_that_wait_end_at_once() -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle, concurrency=5) as site:
            await queue.publish(0)
            await until(lambda: gate.in_hand == 1)
            site.resize(2)
            await queue.publish_many(range(1, 5))
            await until(lambda: gate.in_hand == 2)
            gate.open.set()
            await empty(queue)
            assert gate.most == 2
            assert sorted(gate.attempts) == [(number, 1) for number in range(5)]

    run(test)


def test_who_was_to_leave_stays_if_there_are_to_be_more_again() -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle, concurrency=4) as site:
            await queue.publish_many(range(9))
            await until(lambda: gate.in_hand == 4)
            site.resize(1)
            site.resize(4)
            gate.open.set()
            await empty(queue)
            assert gate.most == 4

    run(test)


def test_a_batch_that_waits_for_more_is_given_back_unspent() -> None:
    async def test() -> None:
        queue, got = a_queue(), []

        async def handler(bodies: list[Any]) -> None:
            attempts = [each.attempt for each in module.messages()]
            got.append(sorted(zip(bodies, attempts, strict=True)))

        batching = Batching(size=2, wait=3600.0)
        in_flight = queue.driver_queue.in_flight  # type: ignore[attr-defined]
        async with working(queue, handler, batching=batching) as site:
            await queue.publish(1)
            await until(lambda: len(in_flight) == 1)
            assert site.consumer._crew is not None
            site.consumer._crew.resize(0)  # which one would leave is not known otherwise
            await until(lambda: not in_flight)
            site.resize(1)
            await queue.publish(2)
            await empty(queue)
        assert got == [[(1, 1), (2, 1)]]

    run(test)


def test_new_workers_have_the_time_limit_of_now() -> None:
    async def test() -> None:
        queue, gate = a_queue(max_attempts=1), Gate()
        async with working(queue, gate.handle, timeout=0.01) as site:
            site.resize(1, timeout=None)
            site.resize(2)
            await queue.publish_many(range(2))
            await until(lambda: gate.in_hand == 2)
            site.resize(3, timeout=0.01)
            await queue.publish(2)
            while not await queue.dead_letters():  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert [error for _, error, _ in await dead_of(queue)] == [
                "TimeoutError: not done after 0.01 s"
            ]
            assert gate.in_hand == 2
            gate.open.set()
            await empty(queue)

    run(test)


def test_an_error_of_the_driver_ends_the_run_also_in_a_worker_that_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle, concurrency=2) as site:
            await queue.publish_many(range(2))
            await until(lambda: gate.in_hand == 2)
            site.resize(1)

            def fail(message: object) -> None:
                raise OSError("disk full")

            monkeypatch.setattr(queue.driver_queue, "delete", fail)
            gate.open.set()
            with pytest.raises(OSError, match="disk full"):
                await asyncio.wait_for(site.running.task, SOON)

    run(test)


def test_a_consumer_that_does_not_run_begins_with_what_it_was_given() -> None:
    async def test() -> None:
        queue, gate = a_queue(), Gate()
        async with working(queue, gate.handle) as site:
            await site.running.end()
            site.resize(2)
            await queue.publish_many(range(3))
            again = Running(site.consumer)
            await until(lambda: gate.in_hand == 2)
            gate.open.set()
            await empty(queue)
            await again.end()
            assert gate.most == 2

    run(test)


@each_driver
def test_each_message_is_handled_once_while_the_number_changes(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            done: Counter[int] = Counter()

            async def handler(body: int) -> None:
                await asyncio.sleep(0)
                done[body] += module.message().attempt

            async with working(queue, handler, concurrency=4) as site:
                for number in range(100):
                    last = await queue.publish(number)
                    site.resize((1, 7, 2, 9, 3)[number % 5])
                await becomes(queue, last, "done")
                await until(lambda: len(done) == 100)
            assert set(done.values()) == {1}

    run(test)
