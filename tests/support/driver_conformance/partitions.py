"""Partitions: messages of one key that run at the same time."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Info, NotHeld, Subscription
from runtime.engines.queue.limits import LimitedQueue, Limits
from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.partitions import Partitions
from tests.support.driver_conformance.messages import (
    bodies,
    dead_letter,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import NEVER, ROOM, Harness, case, needs


def with_partitions(queue: DriverQueue, per_key: int = 1, by: str = "body.tenant") -> Subscription:
    assert isinstance(queue, LimitedQueue)
    partitions = Partitions(by=by, per_key=per_key)
    return queue.subscribe_limited(10, Limits(consumer="app:c", partitions=partitions))


def of(tenant: str, number: int, priority: int = 0) -> Message:
    body = f'{{"tenant":"{tenant}","n":{number}}}'.encode()
    return Message(next_id(), body, {"x-tenant": tenant}, priority=priority)


def name(message: Message) -> str:
    """`a1` for the first message of tenant a."""
    return message.headers["x-tenant"] + message.body.decode().partition('"n":')[2][:-1]


async def names(subscription: Subscription, count: int) -> list[str]:
    return [name(await received(subscription)) for _ in range(count)]


async def publish_for(queue: DriverQueue, tenants: str) -> None:
    """Publish a message for each letter, numbered for each tenant."""
    for index, tenant in enumerate(tenants):
        await queue.publish(of(tenant, tenants[: index + 1].count(tenant)))


async def take_all(queue: DriverQueue, subscription: Subscription) -> Iterable[Message]:
    """The messages that may run now: those before one without a partition, which comes last."""
    last = Message(next_id(), b"null", {"x-tenant": "-"}, priority=-9)
    await queue.publish(last)
    found = []
    while (message := await received(subscription)).id != last.id:
        found.append(message)
    await subscription.ack(message)
    return found


@case
@needs("concurrency_by")
async def of_one_key_one_message_runs_and_other_keys_go_on(queue: DriverQueue) -> None:
    await publish_for(queue, "aaba")
    subscription = with_partitions(queue)

    running = await take_all(queue, subscription)

    assert [name(message) for message in running] == ["a1", "b1"]
    assert await shows(queue, Info(2, 0, 2, 0))


@case
@needs("concurrency_by")
async def the_next_of_a_key_comes_when_one_has_ended(queue: DriverQueue) -> None:
    await publish_for(queue, "aaab")
    subscription = with_partitions(queue)
    first, other = await take_all(queue, subscription)
    await subscription.ack(first)
    second = await received(subscription)
    await subscription.ack(second)

    assert [name(second), *await names(subscription, 1)] == ["a2", "a3"]
    await subscription.ack(other)
    assert not [*await take_all(queue, subscription)]


@case
@needs("concurrency_by")
async def as_many_of_a_key_run_as_may(queue: DriverQueue) -> None:
    await publish_for(queue, "aaab")
    subscription = with_partitions(queue, 2)
    running = [*await take_all(queue, subscription)]

    assert [name(message) for message in running] == ["a1", "a2", "b1"]
    await subscription.ack(running[1])
    assert await names(subscription, 1) == ["a3"]


@case
@needs("concurrency_by")
async def subscriptions_share_what_may_run_of_a_key(queue: DriverQueue) -> None:
    await publish_for(queue, "aab")
    first, second = with_partitions(queue), with_partitions(queue)
    assert await names(first, 1) == ["a1"]

    assert [name(message) for message in await take_all(queue, second)] == ["b1"]


@case
@needs("concurrency_by")
async def messages_without_a_key_have_no_limit(queue: DriverQueue) -> None:
    await publish(queue, ["1", '{"tenant":null}', "[]"])

    assert await bodies(with_partitions(queue), 3) == ["1", '{"tenant":null}', "[]"]


@case
@needs("concurrency_by")
async def a_key_may_be_a_header(queue: DriverQueue) -> None:
    await publish_for(queue, "aab")
    subscription = with_partitions(queue, by="headers.x-tenant")

    assert [*map(name, (await received(subscription), await received(subscription)))] == [
        "a1",
        "b1",
    ]


@case
@needs("concurrency_by", "priority")
async def a_higher_priority_of_a_busy_key_comes_first(queue: DriverQueue) -> None:
    await publish_for(queue, "aa")
    subscription = with_partitions(queue)
    (first,) = await take_all(queue, subscription)
    await queue.publish(of("a", 3, priority=5))
    await subscription.ack(first)
    urgent = await received(subscription)
    await subscription.ack(urgent)

    assert [name(urgent), *await names(subscription, 1)] == ["a3", "a2"]


@case
@needs("concurrency_by", "priority", "release")
async def a_message_that_is_given_back_has_its_priority_among_those_of_its_key(
    queue: DriverQueue,
) -> None:
    await publish_for(queue, "aa")
    subscription = with_partitions(queue, 2)
    running = [*await take_all(queue, subscription)]
    for number in (3, 4):
        await queue.publish(of("a", number, priority=5))
    assert not [*await take_all(queue, subscription)]
    await subscription.release(running)

    assert sorted(map(name, await take_all(queue, subscription))) == ["a3", "a4"]


@case
@needs("concurrency_by")
async def a_message_that_failed_goes_behind_those_of_its_key(queue: DriverQueue) -> None:
    await publish_for(queue, "aa")
    subscription = with_partitions(queue)
    (first,) = await take_all(queue, subscription)
    await subscription.retry(first, 0)
    second = await received(subscription)
    await subscription.ack(second)

    assert [name(second), *await names(subscription, 1)] == ["a2", "a1"]


@case
@needs("concurrency_by", "delay")
async def a_message_that_waits_for_its_retry_keeps_nobody(queue: DriverQueue) -> None:
    await publish_for(queue, "aa")
    subscription = with_partitions(queue)
    (first,) = await take_all(queue, subscription)
    await subscription.retry(first, NEVER)

    assert await names(subscription, 1) == ["a2"]


@case
@needs("concurrency_by")
async def a_dead_message_makes_room_for_the_next_of_its_key(queue: DriverQueue) -> None:
    await publish_for(queue, "aa")
    subscription = with_partitions(queue)
    (first,) = await take_all(queue, subscription)
    await subscription.bury(first, dead_letter(first), None)

    assert await names(subscription, 1) == ["a2"]


@case
@needs("concurrency_by", "release")
async def a_message_that_is_given_back_stays_in_front_of_its_key(queue: DriverQueue) -> None:
    await publish_for(queue, "aab")
    subscription = with_partitions(queue)
    first, other = await take_all(queue, subscription)
    await subscription.release([other, first])
    again = [*await take_all(queue, subscription)]

    found = [name(message) for message in again]
    assert found == ["a1", "b1"]
    assert [message.attempt for message in again] == [1, 1]


@case
@needs("concurrency_by")
async def many_messages_of_a_busy_key_are_passed_over(harness: Harness) -> None:
    queue = harness.declare("many", ROOM)
    subscription = with_partitions(queue)
    for number in range(1500):
        await queue.publish(of("a", number))
    await queue.publish(of("b", 1))

    assert [name(message) for message in await take_all(queue, subscription)] == ["a0", "b1"]


@case
@needs("concurrency_by")
async def without_the_limit_all_that_waited_is_ready_in_its_order(queue: DriverQueue) -> None:
    await publish_for(queue, "aaab")
    limited = with_partitions(queue)
    await take_all(queue, limited)
    await limited.close()

    assert await names(queue.subscribe(0), 2) == ["a2", "a3"]


@case
@needs("concurrency_by")
async def a_consumer_that_is_started_again_counts_what_still_runs(queue: DriverQueue) -> None:
    await publish_for(queue, "aab")
    before = with_partitions(queue)
    (first, _) = await take_all(queue, before)
    await before.close()
    again = with_partitions(queue)
    assert not [*await take_all(queue, again)]
    await before.ack(first)

    assert await names(again, 1) == ["a2"]


@case
@needs("concurrency_by", "dead_letters")
async def letters_of_a_busy_key_can_be_requeued_and_dropped(
    queue: DriverQueue, other: DriverQueue
) -> None:
    for number in (1, 2, 3):
        await queue.publish_dead_letter(dead_letter(of("a", number)))
    subscription = with_partitions(queue)
    (running,) = await take_all(queue, subscription)
    letters = await queue.dead_letters(died_in="app:q")
    second, third = sorted((each for each in letters if each.id != running.id), key=name)
    again = Message(second.id, second.body, {"x-tenant": "a"})
    await queue.requeue(second, again, other)
    await queue.drop(third)
    with pytest.raises(NotHeld):
        await queue.drop(third)
    await subscription.ack(running)

    assert await names(other.subscribe(0), 1) == ["a2"]
    assert await shows(queue, Info(0, 0, 0, 0))
    await queue.publish(of("a", 4))
    assert await names(subscription, 1) == ["a4"]
