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
    shows,
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

    assert left.body == b"2"


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

    assert await shows(queue, Info(1, 1, 0, 0))
    assert await bodies(other.subscribe(10), 1) == ["3"]
    message = await received(queue.subscribe(10))
    assert message.body == b"4"


async def close_before_five(queue: DriverQueue) -> list[Message]:
    """What comes to another subscription after one was closed that was at the first message."""
    await publish(queue, "12345")
    subscription = queue.subscribe(10)
    await subscription.ack(await received(subscription))
    await subscription.close()
    assert await shows(queue, Info(4, 0, 0, 0))
    return [await received(other) for other in [queue.subscribe(10)] for _ in "2345"]


@case
async def what_was_claimed_ahead_goes_back_in_its_order(queue: DriverQueue) -> None:
    left = await close_before_five(queue)

    assert [message.body for message in left] == [b"2", b"3", b"4", b"5"]


@case
@needs("release")
async def what_was_claimed_ahead_goes_back_unspent(queue: DriverQueue) -> None:
    left = await close_before_five(queue)

    assert [message.attempt for message in left] == [1, 1, 1, 1]


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
    assert await shows(queue, Info(1, 0, 0, 0))


@case
async def closing_in_the_moment_of_an_arrival_loses_no_message(queue: DriverQueue) -> None:
    subscription, open_one = queue.subscribe(10), queue.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await queue.publish(a_message("7"))
    await subscription.close()
    (ended,) = await asyncio.gather(waiting, return_exceptions=True)
    if isinstance(ended, Closed):
        ended = await asyncio.wait_for(stays, SOON)
    stays.cancel()  # a server may have delivered it to the other before it confirmed it

    assert isinstance(ended, Message)
    assert ended.body == b"7"


async def receive_while_closing(harness: Harness) -> list[Message]:
    """Messages of subscriptions that are closed while 200 are published."""
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
    last = queue.subscribe(10)
    while len(got) < 200:
        got.append(await received(last))
    assert await nothing_else(queue, last)
    return got


@case
async def closing_while_messages_arrive_loses_none(harness: Harness) -> None:
    got = await receive_while_closing(harness)

    assert sorted(int(message.body) for message in got) == list(range(200))


@case
@needs("release")
async def closing_while_messages_arrive_keeps_their_order_and_spends_no_attempt(
    harness: Harness,
) -> None:
    got = await receive_while_closing(harness)

    assert [int(message.body) for message in got] == list(range(200))
    assert {message.attempt for message in got} == {1}


@case
async def an_empty_queue_gives_nothing(queue: DriverQueue, other: DriverQueue) -> None:
    await other.publish(a_message())

    assert await nothing_else(queue, queue.subscribe(10))
