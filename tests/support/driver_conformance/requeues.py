"""A dead letter is delivered again, or dropped, from wherever it is kept."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.dead_letter import requeued
from runtime.engines.queue.driver_queue import (
    DriverQueue,
    Info,
    Subscription,
)
from runtime.engines.queue.message import Message
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    holds,
    lost,
    received,
    shows,
)
from tests.support.driver_conformance.suite import NEVER, Harness, case, needs

Q = "app:q"
"""The id of the queue where the messages of these cases die."""


async def die(queue: DriverQueue, to: DriverQueue | None, *messages: Message) -> None:
    subscription = queue.subscribe(1)
    for message in messages:
        await queue.publish(message)
        held = await received(subscription)
        await subscription.bury(held, dead_letter(held), to)
    await subscription.close()


async def find(place: DriverQueue, id: str, died_in: str | None) -> Message:
    letter = await place.find_dead_letter(id, died_in)
    assert letter is not None
    return letter


async def requeue(place: DriverQueue, id: str, died_in: str | None, to: DriverQueue) -> None:
    letter = await find(place, id, died_in)
    await place.requeue(letter, requeued(letter, Q, 10), to)


@case
async def a_dead_letter_of_the_own_store_is_delivered_again(queue: DriverQueue) -> None:
    message = a_message("[1]", trace="t")
    await die(queue, None, message)
    await requeue(queue, message.id, None, queue)

    assert await shows(queue, Info(1, 0, 0, 0))
    again = await received(queue.subscribe(1))
    assert (again.id, again.body, again.attempt) == (message.id, b"[1]", 1)
    assert dict(again.headers) == {"trace": "t", "x_requeued": "1"}


@case
@needs("dead_letters")
async def a_dead_letter_of_another_queue_is_delivered_again(
    queue: DriverQueue, other: DriverQueue
) -> None:
    message = a_message("[1]", trace="t")
    await die(queue, other, message)
    assert await other.count_dead_letters(Q) == 1
    await requeue(other, message.id, Q, queue)

    assert await other.count_dead_letters(Q) == 0
    assert await holds(other, 0)
    again = await received(queue.subscribe(1))
    assert (again.id, again.body, again.attempt) == (message.id, b"[1]", 1)
    assert dict(again.headers) == {"trace": "t", "x_requeued": "1"}


@case
@needs("dead_letters")
async def a_dead_letter_of_another_driver_is_delivered_again(
    queue: DriverQueue, foreign: DriverQueue
) -> None:
    message = a_message("[1]", trace="t")
    await die(queue, foreign, message)
    await requeue(foreign, message.id, Q, queue)

    assert await foreign.count_dead_letters(Q) == 0
    assert await holds(foreign, 0)
    again = await received(queue.subscribe(1))
    assert (again.id, again.body, dict(again.headers)["x_requeued"]) == (message.id, b"[1]", "1")


@case
@needs("dead_letters")
async def only_letters_of_one_queue_are_listed_counted_and_found(
    queue: DriverQueue, other: DriverQueue
) -> None:
    messages = [a_message(body) for body in "12"]
    await die(queue, other, *messages)
    await other.publish(a_message("3", x_original_queue=Q))  # a copy of somebody's, no letter

    assert [letter.body for letter in await other.dead_letters(10, Q)] == [b"1", b"2"]
    assert len(await other.dead_letters(1, Q)) == 1
    assert await other.count_dead_letters(Q) == 2
    assert await other.count_dead_letters("app:elsewhere") == 0
    assert await other.dead_letters(10, "app:elsewhere") == []
    assert await other.find_dead_letter(messages[0].id, "app:elsewhere") is None
    assert await other.find_dead_letter(messages[0].id) is None
    assert await queue.find_dead_letter(messages[0].id) is None


@case
@needs("dead_letters")
async def a_letter_in_hand_is_counted_and_not_found(queue: DriverQueue, other: DriverQueue) -> None:
    message = a_message()
    await die(queue, other, message)
    before = await find(other, message.id, Q)
    subscription = other.subscribe(1)
    held = await received(subscription)

    assert await other.find_dead_letter(message.id, Q) is None
    assert await other.count_dead_letters(Q) == 1
    await lost(other.requeue(before, requeued(before, Q, 10), queue))
    await lost(other.drop(before))
    await subscription.ack(held)
    assert await other.count_dead_letters(Q) == 0


@case
@needs("dead_letters", "delay")
async def a_letter_that_waits_for_another_attempt_is_requeued_and_dropped(
    queue: DriverQueue, other: DriverQueue
) -> None:
    messages = [a_message("1"), a_message("2")]
    await die(queue, other, *messages)
    subscription = other.subscribe(1)
    for _ in messages:
        await subscription.retry(await received(subscription), NEVER)
    assert await other.count_dead_letters(Q) == 2
    await requeue(other, messages[0].id, Q, queue)
    await other.drop(await find(other, messages[1].id, Q))

    assert await shows(other, Info(0, 0, 0, 0))
    assert await bodies(queue.subscribe(1), 1) == ["1"]


async def held(queue: DriverQueue, other: DriverQueue) -> tuple[Subscription, Message]:
    """A dead letter of `queue` in the hands of a consumer of `other`."""
    await die(queue, other, a_message("[1]", trace="t"))
    subscription = other.subscribe(1)
    return subscription, await received(subscription)


@case
async def a_consumer_of_dead_letters_gives_one_back(
    queue: DriverQueue, other: DriverQueue, foreign: DriverQueue
) -> None:
    for place in (other, foreign):
        subscription, letter = await held(queue, place)
        await subscription.requeue(letter, requeued(letter, Q, 10), queue)

        await lost(subscription.ack(letter))
        assert await holds(place, 0)
        receiver = queue.subscribe(1)
        again = await received(receiver)
        assert (again.id, again.attempt, again.headers["x_requeued"]) == (letter.id, 1, "1")
        await receiver.ack(again)
        await receiver.close()


@case
@needs("dead_letters")
async def a_requeue_wakes_who_waits(queue: DriverQueue, other: DriverQueue) -> None:
    message = a_message()
    await die(queue, other, message)
    waiting = asyncio.ensure_future(received(queue.subscribe(10)))
    await requeue(other, message.id, Q, queue)

    assert (await waiting).id == message.id


@case
async def a_requeued_message_that_dies_is_requeued_again_and_counts_on(queue: DriverQueue) -> None:
    message = a_message()
    await die(queue, None, message)
    for count in "123":
        await requeue(queue, message.id, None, queue)
        subscription = queue.subscribe(1)
        again = await received(subscription)
        assert again.headers["x_requeued"] == count
        await subscription.bury(again, dead_letter(again), None)
        await subscription.close()

    assert await shows(queue, Info(0, 0, 0, 1))


@case
@needs("dead_letters")
async def letters_are_found_after_a_restart(harness: Harness, queue: DriverQueue) -> None:
    other = harness.declare("other")
    messages = [a_message("1"), a_message("2")]
    await die(queue, None, messages[0])
    await die(queue, other, messages[1])
    await harness.stop()
    await harness.start()

    assert [letter.body for letter in await queue.dead_letters()] == [b"1"]
    assert await other.count_dead_letters(Q) == 1
    await requeue(queue, messages[0].id, None, queue)
    await requeue(other, messages[1].id, Q, queue)
    assert await bodies(queue.subscribe(1), 2) == ["1", "2"]
