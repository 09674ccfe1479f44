"""Higher priorities go first; a key is published once."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import DriverQueue, Info
from tests.support.driver_conformance.messages import (
    a_keyed_message,
    a_message,
    a_ranked_message,
    dead_letter,
    received,
    shows,
)
from tests.support.driver_conformance.suite import MAX_LENGTH, case, needs


@case
@needs("priority")
async def a_higher_priority_goes_first_and_equals_in_order(queue: DriverQueue) -> None:
    for body, priority in (("1", 0), ("2", -9), ("3", 9), ("4", 0), ("5", 9)):
        await queue.publish(a_ranked_message(body, priority))
    subscription = queue.subscribe(1)

    assert [(await received(subscription)).body for _ in "12345"] == [b"3", b"5", b"1", b"4", b"2"]


@case
@needs("priority")
async def a_message_keeps_its_priority_when_it_comes_again(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    await queue.publish(a_ranked_message("1", 5))
    urgent = await received(subscription)
    await queue.publish(a_message("2"))
    await subscription.retry(urgent, 0)
    again = await received(subscription)
    await subscription.release([again])

    assert [again.body, (await received(subscription)).body] == [b"1", b"1"]
    assert (await received(subscription)).body == b"2"


@case
@needs("priority", "delay")
async def a_delayed_message_joins_its_priority(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    await queue.publish(a_ranked_message("1", 5), 0.05)
    first = await received(subscription)
    await queue.publish(a_message("2"))
    await queue.publish(a_ranked_message("3", 5))

    assert first.body == b"1"
    assert [(await received(subscription)).body for _ in "23"] == [b"3", b"2"]


@case
@needs("unique", "delay")
async def of_one_key_one_message_waits_ready_or_delayed(queue: DriverQueue) -> None:
    first, second = a_keyed_message("invoice 7"), a_keyed_message("invoice 8")

    assert await queue.publish(first) == first.id
    assert await queue.publish(a_keyed_message("invoice 7")) == first.id
    assert await queue.publish(second, 60) == second.id
    assert await queue.publish(a_keyed_message("invoice 8")) == second.id
    assert await shows(queue, Info(1, 1, 0, 0))


@case
@needs("unique", "delay")
async def a_key_that_counts_while_it_runs_is_taken_until_its_message_is_done(
    queue: DriverQueue,
) -> None:
    first = a_keyed_message("invoice 7")
    subscription = queue.subscribe(1)

    async def publish() -> str:
        return await queue.publish(a_keyed_message("invoice 7"), counts_running=True)

    assert await queue.publish(first, counts_running=True) == first.id
    assert await publish() == first.id
    in_hand = await received(subscription)
    assert await publish() == first.id
    await subscription.retry(in_hand, 60)
    assert await publish() == first.id
    assert await shows(queue, Info(0, 1, 0, 0))


@case
@needs("unique")
async def a_key_whose_message_runs_is_free_for_one_that_waits(queue: DriverQueue) -> None:
    first, second = a_keyed_message("index"), a_keyed_message("index")
    subscription = queue.subscribe(0)
    await queue.publish(first)
    running = await received(subscription)

    assert await queue.publish(second) == second.id
    assert await queue.publish(a_keyed_message("index")) == second.id
    await subscription.ack(running)
    assert await queue.publish(a_keyed_message("index")) == second.id
    assert (await received(subscription)).id == second.id
    assert await shows(queue, Info(0, 0, 1, 0))


@case
@needs("unique")
async def a_message_that_comes_again_waits_beside_the_one_that_took_its_key(
    queue: DriverQueue,
) -> None:
    first, second = a_keyed_message("index"), a_keyed_message("index")
    subscription = queue.subscribe(0)
    await queue.publish(first)
    running = await received(subscription)
    await queue.publish(second)
    await subscription.retry(running, 0)

    assert await queue.publish(a_keyed_message("index")) in (first.id, second.id)
    assert await shows(queue, Info(2, 0, 0, 0))
    for _ in range(2):
        await subscription.ack(await received(subscription))
    third = a_keyed_message("index")
    assert await queue.publish(third) == third.id


@case
@needs("unique")
async def a_key_is_taken_again_when_its_message_is_given_back(queue: DriverQueue) -> None:
    first = a_keyed_message("index")
    subscription = queue.subscribe(1)
    await queue.publish(first)
    await subscription.release([await received(subscription)])

    assert await queue.publish(a_keyed_message("index")) == first.id


@case
@needs("unique")
async def a_key_is_free_again_once_its_message_is_done_or_dead(
    queue: DriverQueue, other: DriverQueue
) -> None:
    subscription = queue.subscribe(1)
    await queue.publish(a_keyed_message("invoice 7"))
    await subscription.ack(await received(subscription))
    second, third = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")
    assert await queue.publish(second) == second.id
    dead = await received(subscription)
    await subscription.bury(dead, dead_letter(dead), other)

    assert await queue.publish(third) == third.id
    info = await queue.info()
    assert info.ready + info.in_flight == 1


@case
@needs("unique")
async def a_key_is_of_one_queue(queue: DriverQueue, other: DriverQueue) -> None:
    here, there = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")

    assert (await queue.publish(here), await other.publish(there)) == (here.id, there.id)


@case
@needs("unique", "max_length")
async def a_key_that_is_there_is_told_of_a_full_queue_too(queue: DriverQueue) -> None:
    first = a_keyed_message("invoice 7")
    await queue.publish(first)
    for _ in range(MAX_LENGTH - 1):
        await queue.publish(a_message())

    assert await queue.publish(a_keyed_message("invoice 7")) == first.id


@case
@needs("unique")
async def many_who_publish_a_key_at_once_hear_one_id(queue: DriverQueue) -> None:
    publishing = [queue.publish(a_keyed_message("invoice 7")) for _ in range(50)]

    assert len(set(await asyncio.gather(*publishing))) == 1
    assert (await queue.info()).ready == 1
