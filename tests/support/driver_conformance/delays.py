"""Delayed messages wait for their time, and for nothing else."""

from __future__ import annotations

import asyncio
from time import monotonic

from runtime.engines.queue.driver_queue import DriverQueue, Info, Subscription
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    lost,
    nothing_else,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import LATER, NEVER, case, needs


async def warm_up(subscription: Subscription, queue: DriverQueue, *delays: float) -> None:
    """Use each delay once: some drivers make something for each, which takes its time."""
    for delay in delays:
        await queue.publish(a_message(), delay)
    for _ in delays:
        await subscription.ack(await received(subscription))


@case
@needs("delay")
async def a_delayed_message_does_not_come_early(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    began = monotonic()
    await queue.publish(a_message("late"), 0.05)
    await queue.publish(a_message("soon"))
    first, second = await received(subscription), await received(subscription)

    assert [first.body, second.body] == [b"soon", b"late"]
    assert monotonic() - began >= 0.05


@case
@needs("delay")
async def delayed_messages_come_in_the_order_of_their_times(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    await warm_up(subscription, queue, 0.02, 0.06, 0.1)
    for body, delay in ("3", 0.1), ("1", 0.02), ("2", 0.06):
        await queue.publish(a_message(body), delay)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
@needs("delay")
async def a_retry_waits_for_its_delay(queue: DriverQueue) -> None:
    await queue.publish(a_message())
    subscription = queue.subscribe(10)
    began = monotonic()
    await subscription.retry(await received(subscription), 0.05)
    again = await received(subscription)

    assert monotonic() - began >= 0.05
    assert again.attempt == 2


@case
@needs("delay")
async def retries_come_in_the_order_of_their_delays(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    await warm_up(subscription, queue, LATER, 2 * LATER)
    await publish(queue, "12")
    first, second = await received(subscription), await received(subscription)
    await subscription.retry(first, 2 * LATER)
    await subscription.retry(second, LATER)

    assert await bodies(subscription, 2) == ["2", "1"]


@case
@needs("delay")
async def what_waits_for_its_retry_is_in_nobodys_hand(queue: DriverQueue) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.retry(message, NEVER)
    await lost(subscription.ack(message))
    await subscription.release([message])

    assert await shows(queue, Info(0, 1, 0, 0))
    assert await nothing_else(queue, subscription)


@case
@needs("delay")
async def a_delay_of_nothing_is_none(queue: DriverQueue) -> None:
    await queue.publish(a_message("1"), 0.0)
    await queue.publish(a_message("2"), -1.0)

    assert await bodies(queue.subscribe(10), 2) == ["1", "2"]


@case
@needs("delay")
async def a_delayed_message_is_whole_and_unspent_when_it_comes(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    waiting = asyncio.ensure_future(received(subscription))
    sent = a_message('"ü"', trace="t")
    await queue.publish(sent, LATER)
    got = await waiting

    assert (got.id, got.body, dict(got.headers), got.attempt) == (
        sent.id,
        sent.body,
        {"trace": "t"},
        1,
    )


@case
@needs("delay")
async def a_delay_of_years_keeps_nobody_from_its_turn(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    await queue.publish(a_message("1"), 10 * 365 * 86_400.0)
    await queue.publish(a_message("2"), LATER)
    await queue.publish(a_message("3"), 400 * 365 * 86_400.0)

    assert (await received(subscription)).body == b"2"
    assert (await queue.info()).delayed in (2, None)


@case
@needs("delay")
async def a_delay_without_end_harms_nobody(queue: DriverQueue) -> None:
    await queue.publish(a_message("1"), 1e300)
    await publish(queue, "2")
    subscription = queue.subscribe(1)
    await subscription.retry(await received(subscription), 1e300)
    await publish(queue, "3")

    assert (await received(subscription)).body == b"3"
    assert await shows(queue, Info(0, 2, 1, 0))
