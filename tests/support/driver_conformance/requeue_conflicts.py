"""A dead letter that cannot be requeued stays; one that can keeps its key and its priority."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.dead_letter import requeued
from runtime.engines.queue.driver_queue import DriverQueue, Full, KeyTaken, NotHeld
from tests.support.driver_conformance.messages import (
    a_keyed_message,
    a_message,
    a_ranked_message,
    held_in,
    holds,
    lost,
    publish,
    received,
)
from tests.support.driver_conformance.requeues import Q, die, find, requeue
from tests.support.driver_conformance.suite import MAX_LENGTH, case, needs


@case
@needs("dead_letters")
async def of_two_who_requeue_or_drop_a_letter_one_does(
    queue: DriverQueue, other: DriverQueue
) -> None:
    for place, died_in in ((queue, None), (other, Q)):
        message = a_message()
        await die(queue, None if died_in is None else other, message)
        letter = await find(place, message.id, died_in)
        again = requeued(letter, Q, 10)
        answers = await asyncio.gather(
            place.requeue(letter, again, queue),
            place.requeue(letter, again, queue),
            place.drop(letter),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers if answer] == [NotHeld, NotHeld]
        left = held_in(await queue.info()) + len(await place.dead_letters(10, died_in))
        assert left == (answers[2] is not None)
        receiver = queue.subscribe(1)
        for _ in range(left):
            await receiver.ack(await received(receiver))
        await receiver.close()


@case
@needs("dead_letters")
async def a_dropped_letter_is_gone(queue: DriverQueue, other: DriverQueue) -> None:
    for place, died_in in ((queue, None), (other, Q)):
        message, stays = a_message("1"), a_message("2")
        await die(queue, None if died_in is None else other, message, stays)
        letter = await find(place, message.id, died_in)
        await place.drop(letter)

        assert await place.find_dead_letter(message.id, died_in) is None
        assert [m.id for m in await place.dead_letters(10, died_in)] == [stays.id]
        await lost(place.drop(letter))


@case
@needs("dead_letters", "exact_length")
async def a_letter_for_a_full_queue_stays_where_it_is(
    queue: DriverQueue, other: DriverQueue, foreign: DriverQueue
) -> None:
    places: list[tuple[DriverQueue, str | None]] = [(queue, None), (other, Q), (foreign, Q)]
    messages = [a_message() for _ in places]
    for (place, died_in), message in zip(places, messages, strict=True):
        await die(queue, None if died_in is None else place, message)
    await publish(queue, "12345")
    for (place, died_in), message in zip(places, messages, strict=True):
        with pytest.raises(Full):
            await requeue(place, message.id, died_in, queue)
        assert (await find(place, message.id, died_in)).id == message.id

    assert await holds(queue, MAX_LENGTH)
    subscription = other.subscribe(1)
    letter = await received(subscription)
    with pytest.raises(Full):
        await subscription.requeue(letter, requeued(letter, Q, 10), queue)
    await subscription.ack(letter)  # it was still held


@case
@needs("dead_letters", "unique")
async def a_requeued_message_has_its_key_or_waits_for_it(
    queue: DriverQueue, other: DriverQueue
) -> None:
    for place, died_in in ((queue, None), (other, Q)):
        dead, living = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")
        await die(queue, None if died_in is None else other, dead)
        assert await queue.publish(living) == living.id
        with pytest.raises(KeyTaken, match=living.id):
            await requeue(place, dead.id, died_in, queue)
        subscription = queue.subscribe(0)  # a claim ahead would free the key
        running = await received(subscription)
        with pytest.raises(KeyTaken, match=living.id):
            await requeue(place, dead.id, died_in, queue)
        await subscription.ack(running)
        await requeue(place, dead.id, died_in, queue)
        assert await queue.publish(a_keyed_message("invoice 7")) == dead.id
        await subscription.ack(await received(subscription))
        await subscription.close()


@case
@needs("dead_letters", "priority")
async def a_requeued_message_has_its_priority(queue: DriverQueue, other: DriverQueue) -> None:
    for place, died_in in ((queue, None), (other, Q)):
        urgent = a_ranked_message("1", 5)
        await die(queue, None if died_in is None else other, urgent)
        await publish(queue, "2")
        await requeue(place, urgent.id, died_in, queue)
        subscription = queue.subscribe(1)
        for body in (b"1", b"2"):
            message = await received(subscription)
            assert message.body == body
            await subscription.ack(message)
        await subscription.close()
