"""queue.consumer: time-outs, concurrency, and turns for the rest of the program."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from runtime.modules import queue as module
from tests.support.consuming import SOON, a_queue, consuming, dead_of, empty, run, until


def test_a_timeout_cancels_an_async_handler_and_fails_the_attempt() -> None:
    async def test() -> None:
        queue, cancelled = a_queue(max_attempts=2), []

        async def handler(body: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(module.message().attempt)
                raise

        async with consuming(queue, handler, timeout=0.03) as running:
            await queue.publish(1)
            await empty(queue)
            assert not running.task.done()

        assert cancelled == [1, 2]
        assert await dead_of(queue) == [("attempts", "TimeoutError: not done after 0.03 s", "2")]

    run(test)


def test_a_worker_goes_on_after_a_timeout_even_if_the_handler_swallows_it() -> None:
    async def test() -> None:
        queue, seen = a_queue(max_attempts=1), []

        async def handler(body: Any) -> None:
            seen.append(body)
            if body == "stuck":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    return

        async with consuming(queue, handler, timeout=0.03):
            for body in ("stuck", "good", "stuck", "good"):
                await queue.publish(body)
            await empty(queue)

        assert seen == ["stuck", "good"] * 2
        assert len(await dead_of(queue)) == 2

    run(test)


def test_a_timeout_of_a_thread_fails_the_attempt_and_keeps_the_slot() -> None:
    async def test() -> None:
        queue, dead = a_queue(max_attempts=1), None
        release, running_now, most = threading.Event(), [], []

        def handler(body: Any) -> bool:
            running_now.append(body)
            most.append(len(running_now))
            if body == "slow":
                release.wait(SOON)
            running_now.remove(body)
            return True

        async with consuming(queue, handler, timeout=0.03):
            await queue.publish("slow")
            await queue.publish("next")
            await until(lambda: len(queue.driver_queue.dead) == 1)  # type: ignore[attr-defined]
            dead = await dead_of(queue)
            waiting = (await queue.info()).ready
            release.set()
            await empty(queue)

        assert dead == [("attempts", "TimeoutError: not done after 0.03 s", "1")]
        assert waiting == 1  # the only worker stayed with the thread
        assert most == [1, 1]
        assert len(await dead_of(queue)) == 1

    run(test)


def test_concurrency_is_reached_and_never_passed() -> None:
    async def test() -> None:
        queue, most, now = a_queue(), [0], [0]

        async def handler(body: Any) -> None:
            now[0] += 1
            most[0] = max(most[0], now[0])
            await asyncio.sleep(0)
            now[0] -= 1

        async with consuming(queue, handler, concurrency=7):
            for number in range(100):
                await queue.publish(number)
            await empty(queue)

        assert most[0] == 7

    run(test)


def test_handlers_that_never_wait_leave_turns_to_others() -> None:
    async def test() -> None:
        queue, done = a_queue(max_length=100_000), [0]

        async def handler(body: Any) -> None:
            done[0] += 1

        for number in range(20_000):
            await queue.publish(number)
        async with consuming(queue, handler, concurrency=4):
            seen, most = done[0], 0
            while done[0] < 20_000:
                await asyncio.sleep(0)
                most, seen = max(most, done[0] - seen), done[0]

        assert most <= 128  # 64 a turn, and the loop may take its turns in another order

    run(test)
