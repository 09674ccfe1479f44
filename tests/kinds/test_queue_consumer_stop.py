"""queue.consumer: stopping, draining, giving back, and running again."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from runtime.engines.queue.consumer import Consumer
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import AlreadySettled
from runtime.modules import queue as module
from tests.support.consuming import SOON, Function, Running, a_queue, consuming, empty, run, until


def test_stop_finishes_what_is_in_hand_and_claims_no_more() -> None:
    async def test() -> None:
        queue, entered, leave, done = a_queue(), asyncio.Event(), asyncio.Event(), []

        async def handler(body: Any) -> None:
            entered.set()
            await leave.wait()
            done.append(body)

        async with consuming(queue, handler) as running:
            await queue.publish(1)
            await queue.publish(2)
            await entered.wait()
            running.stop.set()
            await asyncio.wait([running.task], timeout=0.02)
            assert not running.task.done()
            leave.set()
            await asyncio.wait_for(running.task, SOON)

        assert done == [1]
        assert await queue.info() == Info(1, 0, 0, 0)

    run(test)


def test_a_drain_that_runs_out_gives_messages_back_unspent() -> None:
    async def test() -> None:
        queue, entered = a_queue(), asyncio.Event()

        async def handler(body: Any) -> None:
            entered.set()
            await asyncio.Event().wait()

        async with consuming(queue, handler, concurrency=2) as running:
            await queue.publish(1)
            await entered.wait()
            running.stop.set()
            running.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.task
        again = await queue.driver_queue.subscribe(1).receive()

        assert (again.body, again.attempt) == (b"1", 1)

    run(test)


@pytest.mark.parametrize("answer", ["raise", "return"])
def test_what_a_handler_answers_to_its_cancellation_spends_nothing(answer: str) -> None:
    async def test() -> None:
        queue, entered = a_queue(), asyncio.Event()

        async def handler(body: Any) -> None:
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if answer == "raise":
                    raise RuntimeError("connection closed") from None

        async with consuming(queue, handler) as running:
            await queue.publish(1)
            await entered.wait()
            running.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.task

        assert (await queue.driver_queue.subscribe(1).receive()).attempt == 1

    run(test)


def test_a_handler_that_swallows_its_cancellation_is_left_behind() -> None:
    async def test() -> None:
        queue, entered, leave, late = a_queue(), asyncio.Event(), asyncio.Event(), []

        async def handler(body: Any) -> bool:
            entered.set()
            while not leave.is_set():
                try:
                    await leave.wait()
                except asyncio.CancelledError:
                    continue
            with pytest.raises(AlreadySettled):
                await module.message().ack()
            late.append(body)
            return True

        async with consuming(queue, handler) as running:
            await queue.publish(1)
            await entered.wait()
            running.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.task
            given_back = await queue.info()
            leave.set()
            await until(lambda: bool(late))

        assert given_back == Info(1, 0, 0, 0)
        assert await queue.info() == given_back  # what it returned at last was ignored

    run(test)


def test_a_thread_in_hand_does_not_hold_up_the_end() -> None:
    async def test() -> None:
        queue, entered, leave = a_queue(), threading.Event(), threading.Event()

        def handler(body: Any) -> None:
            entered.set()
            leave.wait(SOON)

        async with consuming(queue, handler) as running:
            await queue.publish(1)
            await until(entered.is_set)
            running.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.task
            info = await queue.info()
            leave.set()

        assert info == Info(1, 0, 0, 0)

    run(test)


def test_a_consumer_runs_again_after_a_stop() -> None:
    async def test() -> None:
        queue, seen = a_queue(), []

        async def handler(body: Any) -> None:
            seen.append(body)

        service = Consumer(queue, Function(handler), concurrency=3, prefetch=10)
        for number in range(3):
            running = Running(service)
            await running.ready.wait()
            await queue.publish(number)
            await empty(queue)
            await running.end()

        assert seen == [0, 1, 2]

    run(test)


def test_a_stop_before_the_start_claims_nothing() -> None:
    async def test() -> None:
        queue, seen = a_queue(), []

        async def handler(body: Any) -> None:
            seen.append(body)

        await queue.publish(1)
        running = Running(Consumer(queue, Function(handler), concurrency=1, prefetch=10))
        await running.end()

        assert seen == []
        assert running.ready.is_set()

    run(test)


def test_an_error_of_the_drivers_ends_the_run_and_gives_back_what_is_in_hand() -> None:
    async def test() -> None:
        queue, entered = a_queue(), asyncio.Event()

        async def handler(body: Any) -> bool:
            if body == "held":
                entered.set()
                await asyncio.Event().wait()
            return False

        async def broken(dead_letter: Message) -> None:
            raise OSError("disk full")

        dead = a_queue("dead")
        dead.driver_queue.publish_dead_letter = broken  # type: ignore[method-assign]
        queue.dead_letter, queue.max_attempts = dead, 1
        async with consuming(queue, handler, concurrency=2) as running:
            await queue.publish("held")
            await entered.wait()
            await queue.publish("dies")
            with pytest.raises(OSError, match="disk full"):
                await asyncio.wait_for(running.task, SOON)

        assert await queue.info() == Info(2, 0, 0, 0)

    run(test)
