"""Rates: how many messages a consumer begins in a time."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import DriverQueue, Subscription
from runtime.engines.queue.limits import LimitedQueue, Limits
from runtime.engines.queue.rate import Rate
from tests.support.driver_conformance.messages import (
    bodies,
    publish,
    received,
)
from tests.support.driver_conformance.suite import case, needs

HOUR = 3600.0


def with_rate(
    queue: DriverQueue, limit: int, per: float = HOUR, who: str = "app:c"
) -> Subscription:
    assert isinstance(queue, LimitedQueue)
    return queue.subscribe_limited(10, Limits(consumer=who, rate=Rate(limit=limit, per=per)))


@case
@needs("rate")
async def what_a_rate_holds_back_is_open_to_others(queue: DriverQueue) -> None:
    await publish(queue, "123")
    limited, free = with_rate(queue, 1), queue.subscribe(0)

    assert await bodies(limited, 1) == ["1"]
    waiting = asyncio.create_task(limited.receive())
    assert await bodies(free, 2) == ["2", "3"]
    assert not waiting.done()
    waiting.cancel()


@case
@needs("rate")
async def a_rate_is_one_for_all_subscriptions_of_a_consumer(queue: DriverQueue) -> None:
    await publish(queue, "123")
    first, second = with_rate(queue, 1), with_rate(queue, 1)

    assert await bodies(first, 1) == ["1"]
    waiting = asyncio.create_task(second.receive())
    assert await bodies(with_rate(queue, 1, who="app:other"), 1) == ["2"]
    assert not waiting.done()
    waiting.cancel()


@case
@needs("rate")
async def a_message_comes_as_soon_as_the_rate_allows_it(queue: DriverQueue) -> None:
    await publish(queue, "1234")

    assert await bodies(with_rate(queue, 4, 0.2), 4) == ["1", "2", "3", "4"]


@case
@needs("rate")
async def an_attempt_that_failed_counts_in_the_rate_again(queue: DriverQueue) -> None:
    await publish(queue, "1")
    limited = with_rate(queue, 1)
    await limited.retry(await received(limited), 0)

    waiting = asyncio.create_task(limited.receive())
    assert await bodies(queue.subscribe(0), 1) == ["1"]
    waiting.cancel()


@case
@needs("rate")
async def another_rate_takes_effect_at_once(queue: DriverQueue) -> None:
    await publish(queue, "123")
    slow = with_rate(queue, 1)
    assert await bodies(slow, 1) == ["1"]
    await slow.close()

    assert await bodies(with_rate(queue, 1000, 1.0), 2) == ["2", "3"]


@case
@needs("rate")
async def a_closed_subscription_waits_for_no_rate(queue: DriverQueue) -> None:
    await publish(queue, "12")
    limited = with_rate(queue, 1)
    assert await bodies(limited, 1) == ["1"]
    waiting = asyncio.create_task(limited.receive())
    await asyncio.sleep(0)
    await limited.close()

    ended = await asyncio.gather(waiting, return_exceptions=True)
    assert [type(error).__name__ for error in ended] == ["Closed"]
