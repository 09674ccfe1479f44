"""A closed subscription gives back its messages and loses none."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import Closed, DriverQueue, Info, Subscription
from runtime.engines.queue.message import Message
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    nothing_else,
    publish,
    received,
)
from tests.support.driver_conformance.suite import NEVER, ROOM, Harness, case, needs


@case
async def a_closed_subscription_receives_nothing_and_still_settles(queue: DriverQueue) -> None:
    await queue.publish(a_message("1"))
    await queue.publish(a_message("2"))
    subscription = queue.subscribe(10)
    held = await received(subscription)
    await subscription.close()
    await subscription.close()
    with pytest.raises(Closed):
        await subscription.receive()
    await subscription.ack(held)
    left = await received(queue.subscribe(10))

    assert (left.body, left.attempt) == (b"2", 1)


@case
@needs("delay")
async def every_settlement_works_after_the_close(queue: DriverQueue, other: DriverQueue) -> None:
    await publish(queue, "1234")
    subscription = queue.subscribe(10)
    acked, retried, buried, released = [await received(subscription) for _ in "1234"]
    await subscription.close()
    await subscription.ack(acked)
    await subscription.retry(retried, NEVER)
    await subscription.bury(buried, dead_letter(buried), other)
    await subscription.release([released])

    assert await queue.info() == Info(1, 1, 0, 0)
    assert await bodies(other.subscribe(10), 1) == ["3"]
    message = await received(queue.subscribe(10))
    assert (message.body, message.attempt) == (b"4", 1)


@case
async def what_was_claimed_ahead_goes_back_in_its_order_and_unspent(queue: DriverQueue) -> None:
    await publish(queue, "12345")
    subscription = queue.subscribe(10)
    await subscription.ack(await received(subscription))
    await subscription.close()
    assert await queue.info() == Info(4, 0, 0, 0)
    left = [await received(other) for other in [queue.subscribe(10)] for _ in "2345"]

    assert [(message.body, message.attempt) for message in left] == [
        (b"2", 1),
        (b"3", 1),
        (b"4", 1),
        (b"5", 1),
    ]


@case
async def closing_ends_a_wait(queue: DriverQueue) -> None:
    subscription, open_one = queue.subscribe(10), queue.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)
    await queue.publish(a_message("7"))

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def closing_ends_the_waits_of_all_its_receivers(queue: DriverQueue) -> None:
    subscription = queue.subscribe(2)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(10)]
    await queue.info()  # long enough to be waiting
    await asyncio.gather(subscription.close(), subscription.close())
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), SOON)

    assert [type(error) for error in ended] == [Closed] * 10
    await publish(queue, "7")
    assert await queue.info() == Info(1, 0, 0, 0)


@case
async def closing_in_the_moment_of_an_arrival_loses_no_message(queue: DriverQueue) -> None:
    subscription, open_one = queue.subscribe(10), queue.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await queue.publish(a_message("7"))
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def closing_while_messages_arrive_loses_none(harness: Harness) -> None:
    queue = harness.declare("arrivals", ROOM)
    got: list[Message] = []

    async def take(subscription: Subscription) -> None:
        while True:
            try:
                message = await subscription.receive()
            except Closed:
                return
            got.append(message)
            await subscription.ack(message)

    publishing = asyncio.ensure_future(publish(queue, range(200)))
    while not publishing.done():
        subscription = queue.subscribe(3)
        takers = [asyncio.ensure_future(take(subscription)) for _ in range(5)]
        await queue.info()
        await subscription.close()
        await asyncio.wait_for(asyncio.gather(*takers), SOON)
    await publishing
    left = (await queue.info()).ready
    got += [await received(last) for last in [queue.subscribe(10)] for _ in range(left)]

    assert [int(message.body) for message in got] == list(range(200))
    assert {message.attempt for message in got} == {1}


@case
async def an_empty_queue_gives_nothing(queue: DriverQueue, other: DriverQueue) -> None:
    await other.publish(a_message())

    assert await nothing_else(queue, queue.subscribe(10))
