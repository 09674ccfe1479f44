"""What handlers see of a queue whose publishers wait for room."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.queue import Queue
from runtime.modules import queue as module
from runtime.modules.sync import queue as sync_module
from tests.support.clock import FakeClock
from tests.support.consuming import AT_ONCE, consuming, dead_of, empty, run, scope_of, until
from tests.support.driver_conformance.messages import a_message, received

WAIT = {"overflow": "wait", "overflow_timeout": 2.0}


def waiting_queue(fake: FakeClock, max_length: int = 1) -> tuple[Queue, MemoryQueue]:
    messages = MemoryQueue("q", max_length, fake.clock)
    messages.overflow.configure(WAIT)
    rules = {"max_attempts": 1, "max_requeues": 1, "clock": fake.clock}
    return Queue("app:q", messages, AT_ONCE, **rules), messages


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_error_after_a_wait_tells_of_it_and_of_a_missing_consumer() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, _ = waiting_queue(fake)
        await queue.publish(1)
        publisher = asyncio.create_task(queue.publish(2))
        await fake.advance(2)

        text = "queue 'app:q' is full (1), and no room came within 2 s; no consumer of it runs here"
        with pytest.raises(Full) as caught:
            await publisher
        assert str(caught.value) == text

    run(test)


def test_a_publisher_that_is_cancelled_once_it_was_admitted_gives_its_room_back() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, messages = waiting_queue(fake, max_length=2)
        subscription = messages.subscribe(0)
        await queue.publish(0)
        await queue.publish(1)
        first = await received(subscription)
        gone, next_one = (asyncio.create_task(queue.publish(n)) for n in (2, 3))
        await turns()
        await subscription.ack(first)
        gone.cancel()
        await next_one

        assert gone.cancelled()
        assert [(await received(subscription)).body for _ in range(2)] == [b"1", b"3"]
        assert (len(messages), messages.overflow.places, fake.timers) == (2, 0, 0)

    run(test)


def test_the_last_publisher_that_gives_its_room_back_leaves_an_empty_queue() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, messages = waiting_queue(fake)
        subscription = messages.subscribe(0)
        await queue.publish(1)
        first = await received(subscription)
        gone = asyncio.create_task(queue.publish(2))
        joining = asyncio.create_task(messages.join())
        await turns()
        await subscription.ack(first)
        gone.cancel()

        await joining

    run(test)


def test_publishers_that_gave_up_are_forgotten_while_the_queue_stays_full() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, messages = waiting_queue(fake, max_length=3)
        for number in range(3):
            await queue.publish(number)
        for _ in range(100):
            gone = asyncio.create_task(queue.publish(4))
            await turns()
            gone.cancel()
            await asyncio.wait([gone])

        assert messages.overflow.places == 0
        assert len(messages.overflow._line) < 20

    run(test)


def test_a_handler_that_publishes_to_its_own_full_queue_waits_for_the_time_out() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, messages = waiting_queue(fake)
        began = asyncio.Event()

        async def handler(body: object) -> None:
            began.set()
            await module.publish("app:q", "next")

        async with consuming(queue, handler):
            await queue.publish("first")
            await began.wait()
            await turns()
            assert messages.overflow.places == 1
            await fake.advance(2)
            await empty(queue)

        [(reason, error, _)] = await dead_of(queue)
        assert (reason, "no room came within 2 s" in error) == ("attempts", True)

    run(test)


def test_a_plain_def_waits_too() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue, messages = waiting_queue(fake)
        other, _ = waiting_queue(fake)
        other.id = "app:other"
        await messages.publish(a_message("1"))
        subscription = messages.subscribe(0)
        first = await received(subscription)

        def handler(body: object) -> None:
            sync_module.publish("app:q", "2")

        async with consuming(other, handler, scope=scope_of(queue, other)):
            await other.publish("go")
            await until(lambda: messages.overflow.places == 1)
            await subscription.ack(first)
            await empty(other)

        assert (await received(subscription)).body == b'"2"'

    run(test)
