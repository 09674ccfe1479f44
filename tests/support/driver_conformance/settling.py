"""A delivery is settled once, and attempts are counted."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Info, NotHeld
from runtime.engines.queue.message import Message
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    held_in,
    holds,
    is_exact,
    lost,
    nothing_else,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import NEVER, ROOM, Harness, case, needs


@case
async def an_attempt_is_counted_when_a_message_is_handed_out(queue: DriverQueue) -> None:
    await queue.publish(a_message())
    subscription = queue.subscribe(10)
    attempts = []
    for _ in range(3):
        message = await received(subscription)
        attempts.append(message.attempt)
        await subscription.retry(message, 0)

    assert attempts == [1, 2, 3]


@case
@needs("release")
async def each_message_counts_its_own_attempts(queue: DriverQueue) -> None:
    await publish(queue, "12")
    subscription = queue.subscribe(10)
    first, second = await received(subscription), await received(subscription)
    await subscription.retry(first, 0)
    await subscription.release([second])
    again = [await received(subscription) for _ in "12"]

    assert {message.body: message.attempt for message in again} == {b"1": 2, b"2": 1}


@case
@needs("release")
async def a_release_after_a_retry_gives_back_one_attempt_only(queue: DriverQueue) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    await subscription.retry(await received(subscription), 0)
    for _ in range(3):
        message = await received(subscription)
        assert message.attempt == 2
        await subscription.release([message])

    assert (await received(subscription)).attempt == 2


@case
async def an_acked_message_is_gone(queue: DriverQueue) -> None:
    await queue.publish(a_message())
    subscription = queue.subscribe(10)
    await subscription.ack(await received(subscription))

    assert await shows(queue, Info(0, 0, 0, 0))


@case
async def messages_are_settled_in_any_order_and_together(harness: Harness) -> None:
    queue = harness.declare("many", ROOM)
    await publish(queue, range(100))
    subscription = queue.subscribe(100)
    held = [await received(subscription) for _ in range(100)]
    await subscription.ack(held.pop())
    await asyncio.gather(*(subscription.ack(message) for message in held[::2] + held[1::2]))

    assert await shows(queue, Info(0, 0, 0, 0))


@case
async def a_retry_at_once_goes_behind_what_is_ready(queue: DriverQueue) -> None:
    await publish(queue, "123")
    subscription = queue.subscribe(1)
    await subscription.retry(await received(subscription), 0)
    got = []
    for _ in range(3):
        message = await received(subscription)
        got.append((message.body, message.attempt))
        await subscription.ack(message)

    assert got == [(b"2", 1), (b"3", 1), (b"1", 2)]


async def release_two_of_three(queue: DriverQueue) -> list[Message]:
    """What comes afterwards."""
    await publish(queue, "123")
    subscription = queue.subscribe(10)
    held = [await received(subscription), await received(subscription)]
    await subscription.release(held)
    return [await received(subscription) for _ in "123"]


@case
async def a_released_message_is_first_again(queue: DriverQueue) -> None:
    again = await release_two_of_three(queue)

    assert [message.body for message in again] == [b"1", b"2", b"3"]


@case
@needs("release")
async def a_released_message_spent_no_attempt(queue: DriverQueue) -> None:
    again = await release_two_of_three(queue)

    assert [message.attempt for message in again] == [1, 1, 1]


@case
@needs("release")
async def what_is_released_comes_before_what_waits(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    subscription = queue.subscribe(1)
    held = [await received(subscription)]
    held += [await asyncio.wait_for(subscription.receive(), SOON) for _ in "23"]
    await subscription.ack(held[1])
    await subscription.release([held[0], held[2]])

    assert await bodies(subscription, 4) == ["1", "3", "4", "5"]


@case
async def a_release_takes_what_is_held_and_passes_over_the_rest(queue: DriverQueue) -> None:
    await publish(queue, "123")
    subscription = queue.subscribe(10)
    first, second, third = [await received(subscription) for _ in "123"]
    await subscription.ack(second)
    await subscription.release([])
    await subscription.release([first, second, third])
    await subscription.release([first, second, third])

    assert await bodies(subscription, 2) == ["1", "3"]
    assert await nothing_else(queue, subscription)


@case
async def a_message_is_settled_once(queue: DriverQueue) -> None:
    await queue.publish(a_message())
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.ack(message)
    dead = dead_letter(message)
    for settle in (
        subscription.ack(message),
        subscription.retry(message, 0),
        subscription.bury(message, dead, None),
    ):
        with pytest.raises(NotHeld):
            await settle
    await subscription.release([message])

    assert await shows(queue, Info(0, 0, 0, 0))


@case
async def nothing_is_settled_after_any_settlement(harness: Harness) -> None:
    queue = harness.declare("settled", ROOM)
    subscription = queue.subscribe(10)
    for ended in range(4):
        await publish(queue, "1")
        message = await received(subscription)
        match ended:
            case 0:
                await subscription.ack(message)
            case 1:
                await subscription.retry(message, NEVER)
            case 2:
                await subscription.bury(message, dead_letter(message), None)
            case 3:
                await subscription.release([message])
        before = await queue.info()
        await lost(subscription.ack(message))
        await lost(subscription.retry(message, 0))
        await lost(subscription.bury(message, dead_letter(message), None))

        assert await holds(queue, held_in(before))
        assert len(await queue.dead_letters()) == (ended >= 2)


@case
async def of_settlements_at_one_time_one_wins(harness: Harness) -> None:
    queue, other = harness.declare("here", ROOM), harness.declare("there", ROOM)
    subscription = queue.subscribe(1)
    left = 0
    for first in range(4):
        await publish(queue, "1")
        message = await received(subscription)
        settlements = [
            subscription.ack(message),
            subscription.retry(message, NEVER),
            subscription.bury(message, dead_letter(message), other),
            subscription.bury(message, dead_letter(message), None),
        ]
        settlements = settlements[first:] + settlements[:first]
        answers = await asyncio.gather(*settlements, return_exceptions=True)
        won = [kind for kind, answer in enumerate(answers) if answer is None]
        left += (won[0] + first) % 4 != 0  # something remains, unless it was acked
        here, there = await queue.info(), await other.info()

        assert len(won) == 1
        assert [type(answer) for answer in answers if answer is not None] == [NotHeld] * 3
        if is_exact(here):
            assert held_in(here) + here.dead + held_in(there) == left


@case
async def an_old_hand_out_cannot_settle_the_new_one(queue: DriverQueue) -> None:
    await queue.publish(a_message())
    subscription = queue.subscribe(10)
    old = await received(subscription)
    await subscription.retry(old, 0)
    new = await received(subscription)
    with pytest.raises(NotHeld):
        await subscription.ack(old)

    assert new.attempt == 2
    await subscription.ack(new)
