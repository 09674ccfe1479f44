"""A full queue with `overflow: wait` lets its publishers wait, in order and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full
from runtime.engines.queue.message import Message
from runtime.service import Unavailable
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, until
from tests.support.driver_conformance.messages import (
    a_keyed_message,
    a_message,
    bodies,
    dead_letter,
    held_in,
    publish,
    received,
)
from tests.support.driver_conformance.suite import MAX_LENGTH, Harness, case, needs


async def full(harness: Harness) -> DriverQueue:
    """A queue with no room, whose publishers wait for two seconds."""
    queue = harness.declare("waited for", wait=2.0)
    await publish(queue, "12345")
    return queue


async def waiting(queue: DriverQueue, message: Message, fake: FakeClock) -> asyncio.Task[str]:
    """A publisher that waits for room: with a timer, which nothing else needs here."""
    before = fake.timers
    task = asyncio.create_task(queue.publish(message))
    await until(lambda: fake.timers > before)
    return task


async def done(task: asyncio.Task[str]) -> str:
    return await asyncio.wait_for(task, SOON)


@case
@needs("overflow")
async def a_publisher_waits_until_a_message_is_acked(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    first = await received(subscription)
    sent = a_message("6")
    publisher = await waiting(queue, sent, fake)
    await subscription.ack(first)

    assert await done(publisher) == sent.id
    assert await bodies(subscription, MAX_LENGTH) == list("23456")
    assert fake.timers == 0


@case
@needs("overflow")
async def a_publisher_waits_until_a_message_is_dead(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    first = await received(subscription)
    publisher = await waiting(queue, a_message("6"), fake)
    await subscription.bury(first, dead_letter(first), None)

    await done(publisher)


@case
@needs("overflow")
async def publishers_get_room_in_the_order_in_which_they_came(
    harness: Harness, fake: FakeClock
) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    held = [await received(subscription) for _ in range(MAX_LENGTH)]
    publishers = [await waiting(queue, a_message(body), fake) for body in "6789"]
    for message in held:
        await subscription.ack(message)
    for publisher in publishers:
        await done(publisher)

    assert await bodies(subscription, 4) == list("6789")


@case
@needs("overflow")
async def nobody_overtakes_those_that_wait(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    held = [await received(subscription) for _ in range(MAX_LENGTH)]
    publishers = [await waiting(queue, a_message(body), fake) for body in "67"]
    await subscription.ack(held[0])
    publishers.append(asyncio.create_task(queue.publish(a_message("8"))))
    await done(publishers[0])
    for message in held[1:]:
        await subscription.ack(message)
    for publisher in publishers:
        await done(publisher)

    assert await bodies(subscription, 3) == list("678")


@case
@needs("overflow")
async def a_wait_ends_with_the_time_out(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    publisher = await waiting(queue, a_message("6"), fake)
    await fake.advance(1.9)
    assert not publisher.done()
    await fake.advance(0.1)

    with pytest.raises(Full, match=r"is full \(5\), and no room came within 2 s"):
        await done(publisher)
    assert held_in(await queue.info()) == MAX_LENGTH


@case
@needs("overflow")
async def a_cancelled_wait_leaves_its_room_to_the_next(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    first = await received(subscription)
    gone = await waiting(queue, a_message("6"), fake)
    publisher = await waiting(queue, a_message("7"), fake)
    gone.cancel()
    await asyncio.wait([gone])
    await subscription.ack(first)
    await done(publisher)

    assert await bodies(subscription, MAX_LENGTH) == list("23457")


@case
@needs("overflow")
async def no_more_publishers_wait_than_messages_may(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    publishers = [await waiting(queue, a_message(str(n)), fake) for n in range(MAX_LENGTH)]
    with pytest.raises(Full):
        await queue.publish(a_message("6"))
    publishers[0].cancel()
    await asyncio.wait(publishers[:1])

    publishers.append(await waiting(queue, a_message("7"), fake))
    for publisher in publishers:
        publisher.cancel()


@case
@needs("overflow", "unique")
async def who_finds_its_key_taken_after_the_wait_leaves_the_room_to_the_next(
    harness: Harness, fake: FakeClock
) -> None:
    queue = await full(harness)
    subscription = queue.subscribe(0)
    held = [await received(subscription) for _ in range(2)]
    first, second = a_keyed_message("key"), a_keyed_message("key")
    publishers = [await waiting(queue, message, fake) for message in (first, second)]
    publishers.append(await waiting(queue, a_message("6"), fake))
    for message in held:
        await subscription.ack(message)

    assert [await done(publisher) for publisher in publishers[:2]] == [first.id, first.id]
    await done(publishers[2])
    assert held_in(await queue.info()) == MAX_LENGTH


@case
@needs("overflow")
async def those_that_wait_get_the_room_of_a_longer_queue(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    publisher = await waiting(queue, a_message("6"), fake)
    harness.declare("waited for", MAX_LENGTH + 1, wait=2.0)

    await done(publisher)


@case
@needs("overflow")
async def the_end_of_the_driver_is_the_end_of_the_wait(harness: Harness, fake: FakeClock) -> None:
    queue = await full(harness)
    publishers = [await waiting(queue, a_message(body), fake) for body in "67"]
    await harness.stop()

    for publisher in publishers:
        with pytest.raises((Full, Unavailable)):
            await done(publisher)
