"""The accounting check: whatever handlers and operators do, every message ends in one place."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.codec import decode
from runtime.engines.queue.consumer import Consumer
from runtime.handlers.context import call
from runtime.modules import queue as module
from tests.support.consuming import Function, Running, a_queue, empty, run

MESSAGES = 1000
SOMETHING = (
    *("succeed", "succeed", "fail", "raise", "retry", "reject", "ack", "nack", "ack and raise"),
    *("overrun", "swallow", "cancel"),
)


async def something(body: int, what: str) -> Any:
    """Do one of the things that handlers do; whether the message counts as done."""
    message = call().subject
    match what:
        case "fail":
            return False
        case "raise":
            raise ValueError(body)
        case "retry":
            raise module.Retry(after=random.random() / 100)
        case "reject":
            raise module.Reject("no")
        case "ack" | "ack and raise":
            await message.ack()  # type: ignore[attr-defined]
            if what == "ack and raise":
                raise ValueError(body)
        case "nack":
            await message.nack(0)  # type: ignore[attr-defined]
        case "overrun":
            await asyncio.Event().wait()
        case "swallow":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return True
        case "cancel":
            raise asyncio.CancelledError
    return True


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_message_is_done_or_dead_once_through_stops_and_cancellations(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    # Thousands of attempts fail here: to write their tracebacks down would take most of the time.
    caplog.set_level(logging.CRITICAL, "runtime.queue")

    async def test() -> None:
        chance = random.Random(seed)
        policy = Backoff(initial_delay=0.001, max_delay=0.005)
        dead = a_queue("dead", max_length=1)
        tasks = a_queue(max_length=MESSAGES, retry=policy, max_attempts=5, dead_letter=dead)
        started, done, rejected = Counter[int](), set[int](), set[int]()

        async def handler(body: int) -> Any:
            started[body] += 1
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
            what = chance.choice(SOMETHING)
            if what == "reject":
                rejected.add(body)
            if what in ("succeed", "ack", "ack and raise"):
                done.add(body)
            return await something(body, what)

        for number in range(MESSAGES):
            await tasks.publish(number, delay=chance.choice((None, 0.01)))
        service = Consumer(tasks, Function(handler), concurrency=50, prefetch=10, timeout=0.01)
        other = Running(
            Consumer(tasks, Function(handler), concurrency=5, prefetch=10, timeout=0.02)
        )
        for _ in range(10):
            running = Running(service)
            await asyncio.wait([running.task], timeout=chance.random() / 30)
            if chance.random() < 0.5:
                running.task.cancel()
                await asyncio.wait([running.task])
            else:
                await running.end()
        last = Running(service)
        await empty(tasks)
        await last.end()
        await other.end()

        died = Counter(decode(dead_letter.body) for dead_letter in dead.driver_queue.ready)  # type: ignore[attr-defined]
        assert len(tasks.driver_queue) == 0  # type: ignore[arg-type]
        assert set(started) == done | set(died) == set(range(MESSAGES))
        assert set(died.values()) == {1}
        assert rejected <= set(died)
        for dead_letter in dead.driver_queue.ready:  # type: ignore[attr-defined]
            reason, attempts = (
                dead_letter.headers["x_dead_letter_reason"],
                dead_letter.headers["attempts"],
            )
            assert (reason, attempts) == ("attempts", "5") or reason == "rejected"

    run(test)
