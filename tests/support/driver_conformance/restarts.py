"""Stops and starts of the driver's service lose nothing."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full, Info, NotHeld
from runtime.engines.queue.message import Message
from runtime.service import Unavailable
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    holds,
    nothing_else,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import (
    LATER,
    MAX_LENGTH,
    NEVER,
    ROOM,
    Harness,
    case,
    needs,
)


async def offered(queue: DriverQueue, message: Message, delay: float = 0.0) -> bool:
    """Whether a driver that may not run took a message: else it must say that it cannot."""
    try:
        await queue.publish(message, delay)
    except Unavailable:
        return False
    return True


@case
async def what_is_published_before_the_start_is_taken_or_refused(stopped: Harness) -> None:
    queue = stopped.declare("queue")
    taken = [body for body in "123" if await offered(queue, a_message(body))]
    await stopped.start()
    subscription = queue.subscribe(10)

    assert await bodies(subscription, len(taken)) == taken
    assert await nothing_else(queue, subscription)


@case
async def what_is_published_during_a_restart_is_taken_or_refused(harness: Harness) -> None:
    queue = harness.declare("roomy", ROOM)
    taken: list[str] = []
    ended = asyncio.Event()

    async def offer() -> None:
        number = 0
        while not ended.is_set():
            if await offered(queue, a_message(str(number))):
                taken.append(str(number))
            number += 1
            await asyncio.sleep(0)

    offering = asyncio.ensure_future(offer())
    for _ in range(3):
        await queue.info()
        await harness.stop()
        for _ in range(100):  # it offers some while nobody takes them
            await asyncio.sleep(0)
        await harness.start()
    ended.set()
    await offering
    subscription = queue.subscribe(10)

    assert await bodies(subscription, len(taken)) == taken
    assert await nothing_else(queue, subscription)


@case
@needs("delay", "release")
async def everything_is_where_it_was_after_a_restart(harness: Harness) -> None:
    queue = harness.declare("roomy", ROOM)
    subscription = queue.subscribe(1)
    await publish(queue, "12")
    retried = await received(subscription)
    await subscription.retry(retried, 0)
    buried = await received(subscription)
    await subscription.bury(buried, dead_letter(buried), None)
    await subscription.close()
    await publish(queue, "3")
    began = monotonic()
    await queue.publish(a_message("4"), LATER)
    await queue.publish(a_message("5"), NEVER)
    before = await queue.info()
    await harness.stop()
    await harness.start()
    after = await queue.info()
    subscription = queue.subscribe(10)
    got = [await received(subscription) for _ in "134"]

    assert (before.ready + before.delayed, before.dead) == (4, 1)
    assert (after.ready + after.delayed, after.dead) == (4, 1)
    assert [(message.body, message.attempt) for message in got] == [(b"1", 2), (b"3", 1), (b"4", 1)]
    assert monotonic() - began >= LATER
    assert [letter.body for letter in await queue.dead_letters()] == [b"2"]


@case
@needs("release")
async def attempts_outlive_restarts(harness: Harness, queue: DriverQueue) -> None:
    await publish(queue, "1")
    attempts = []
    for _ in range(3):
        subscription = queue.subscribe(10)
        message = await received(subscription)
        attempts.append(message.attempt)
        await subscription.retry(message, 0)
        await subscription.close()
        await harness.stop()
        await harness.start()

    assert attempts == [1, 2, 3]


@case
@needs("release")
async def what_is_in_hand_at_a_stop_is_still_held_or_comes_again(
    harness: Harness, queue: DriverQueue
) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.close()
    await harness.stop()
    await harness.start()
    try:
        await subscription.ack(message)
    except NotHeld:
        again = await received(queue.subscribe(10))
        assert (again.id, again.attempt) == (message.id, 1)
    else:
        assert await shows(queue, Info(0, 0, 0, 0))


@case
async def a_receiver_that_waits_through_a_restart_is_served(
    harness: Harness, queue: DriverQueue
) -> None:
    waiting = asyncio.ensure_future(queue.subscribe(10).receive())
    await queue.info()  # long enough to be waiting
    await harness.stop()
    await harness.start()
    await publish(queue, "7")

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
@needs("exact_length")
async def the_bound_is_right_after_a_restart(harness: Harness, queue: DriverQueue) -> None:
    await publish(queue, "1234")
    await harness.stop()
    await harness.start()
    await publish(queue, "5")
    with pytest.raises(Full):
        await publish(queue, "6")

    assert await holds(queue, MAX_LENGTH)
