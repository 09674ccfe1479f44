"""`max_length` holds, and redeliveries and dead letters need no room."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full, Info
from runtime.engines.queue.outcome import Reason
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    held_in,
    holds,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import MAX_LENGTH, NEVER, case, needs


@case
@needs("delay", "exact_length")
async def a_full_queue_refuses_at_once_and_takes_again_later(queue: DriverQueue) -> None:
    await queue.publish(a_message(), 60)
    for _ in range(MAX_LENGTH - 1):
        await queue.publish(a_message())
    subscription = queue.subscribe(1)
    message = await received(subscription)
    with pytest.raises(Full, match="is full \\(5\\)"):
        await queue.publish(a_message())
    await subscription.ack(message)

    await queue.publish(a_message())
    with pytest.raises(Full):
        await queue.publish(a_message(), 60)


@case
@needs("exact_length")
async def what_is_in_hand_takes_up_room(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    subscription = queue.subscribe(10)
    held = [await received(subscription) for _ in range(MAX_LENGTH)]
    with pytest.raises(Full):
        await publish(queue, "6")
    await subscription.ack(held[3])
    await publish(queue, "6")
    with pytest.raises(Full):
        await publish(queue, "7")


@case
@needs("delay", "exact_length")
async def what_is_delayed_takes_up_room(queue: DriverQueue) -> None:
    for _ in range(MAX_LENGTH):
        await queue.publish(a_message(), NEVER)
    for delay in (0.0, NEVER):
        with pytest.raises(Full):
            await queue.publish(a_message(), delay)

    assert await shows(queue, Info(0, MAX_LENGTH, 0, 0))


@case
@needs("max_length")
async def a_queue_that_nobody_receives_from_fills_up(queue: DriverQueue) -> None:
    taken = []
    with pytest.raises(Full):
        for number in range(3 * MAX_LENGTH):  # some drivers count a moment late
            await publish(queue, [number])
            taken.append(str(number))
    subscription = queue.subscribe(10)
    for body in taken:
        message = await received(subscription)
        assert message.body.decode() == body
        await subscription.ack(message)

    assert len(taken) >= MAX_LENGTH
    await publish(queue, "1")
    assert await bodies(subscription, 1) == ["1"]


@case
@needs("max_length")
async def a_full_queue_takes_back_what_is_retried(queue: DriverQueue) -> None:
    with pytest.raises(Full):
        await publish(queue, range(3 * MAX_LENGTH))
    subscription = queue.subscribe(1)
    retried = await received(subscription)
    with pytest.raises(Full):
        await publish(queue, ["null"] * 3 * MAX_LENGTH)
    await subscription.retry(retried, 0)
    while (message := await received(subscription)).id != retried.id:
        await subscription.ack(message)

    assert message.attempt == 2


@case
@needs("max_length")
async def the_dead_take_up_no_room(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    for _ in range(2 * MAX_LENGTH):
        await publish(queue, "1")
        message = await received(subscription)
        await subscription.bury(message, dead_letter(message), None)

    assert await shows(queue, Info(0, 0, 0, 2 * MAX_LENGTH))


@case
@needs("max_length")
async def a_full_queue_is_no_matter_to_its_neighbour(
    queue: DriverQueue, other: DriverQueue
) -> None:
    await publish(queue, "12345")
    await publish(other, "12345")

    assert await holds(other, MAX_LENGTH)


@case
@needs("exact_length")
async def of_many_publishers_at_one_time_as_many_succeed_as_there_is_room(
    queue: DriverQueue,
) -> None:
    messages = [a_message(str(number)) for number in range(20)]
    answers = await asyncio.gather(*(queue.publish(m) for m in messages), return_exceptions=True)
    taken = [str(n) for n, answer in enumerate(answers) if not isinstance(answer, Full)]

    assert len(taken) == MAX_LENGTH
    assert await bodies(queue.subscribe(10), MAX_LENGTH) == taken


@case
@needs("exact_length")
async def a_refused_message_leaves_no_trace(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    refused = a_message("6", trace="t")
    for _ in range(3):
        with pytest.raises(Full):
            await queue.publish(refused)
    subscription = queue.subscribe(10)
    for _ in range(MAX_LENGTH):
        await subscription.ack(await received(subscription))
    await queue.publish(refused)
    message = await received(subscription)

    assert (message.id, message.attempt, dict(message.headers)) == (refused.id, 1, {"trace": "t"})
    assert await holds(queue, 1)


@case
@needs("exact_length")
async def a_dead_letter_is_accepted_beyond_the_bound(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    await queue.publish_dead_letter(a_message("6"))
    await queue.publish_dead_letter(a_message("7"))
    subscription = queue.subscribe(10)
    held = [await received(subscription) for _ in range(7)]
    for message in held[:2]:
        await subscription.ack(message)
        with pytest.raises(Full):
            await publish(queue, "8")
    await subscription.ack(held[2])
    await publish(queue, "8")

    assert [message.body.decode() for message in held] == list("1234567")


@case
@needs("exact_length")
async def what_comes_back_needs_no_room(queue: DriverQueue, other: DriverQueue) -> None:
    for _ in range(MAX_LENGTH):
        await queue.publish(a_message())
        await other.publish(a_message())
    subscription = queue.subscribe(10)
    retried, released, dead = [await received(subscription) for _ in range(3)]
    await subscription.retry(retried, 0)
    await subscription.release([released])
    await subscription.bury(dead, dead_letter(dead, Reason.ATTEMPTS, None), other)
    here, there = await queue.info(), await other.info()

    assert held_in(here) == MAX_LENGTH - 1
    assert there.ready == MAX_LENGTH + 1


@case
@needs("delay", "exact_length")
async def a_retry_at_the_bound_keeps_the_queue_full(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    subscription = queue.subscribe(10)
    for _ in range(MAX_LENGTH):
        await subscription.retry(await received(subscription), NEVER)
    with pytest.raises(Full):
        await publish(queue, "6")

    assert await shows(queue, Info(0, MAX_LENGTH, 0, 0))
