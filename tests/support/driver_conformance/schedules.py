"""A planned time of a schedule is fired once."""

from __future__ import annotations

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full, ScheduledQueue
from tests.support.driver_conformance.messages import a_keyed_message, a_message, received
from tests.support.driver_conformance.suite import MAX_LENGTH, case, needs

NOON = 1_700_000_000.0


def scheduled(queue: DriverQueue) -> ScheduledQueue:
    assert isinstance(queue, ScheduledQueue)
    return queue


@case
@needs("schedule")
async def a_planned_time_is_fired_once(queue: DriverQueue) -> None:
    first = a_message("1")

    assert await scheduled(queue).last_fired("app:hourly") is None
    assert await scheduled(queue).fire("app:hourly", NOON, first) == first.id
    assert await scheduled(queue).fire("app:hourly", NOON, a_message("2")) is None
    assert await scheduled(queue).last_fired("app:hourly") == NOON
    assert await scheduled(queue).last_fired("app:other") is None
    assert (await received(queue.subscribe(1))).body == first.body


@case
@needs("schedule")
async def two_schedules_fire_at_one_time(queue: DriverQueue) -> None:
    for schedule in "app:a", "app:b":
        message = a_message(f'"{schedule}"')
        assert await scheduled(queue).fire(schedule, NOON, message) == message.id
    subscription = queue.subscribe(2)

    assert [(await received(subscription)).body for _ in "ab"] == [b'"app:a"', b'"app:b"']


@case
@needs("schedule")
async def a_receiver_that_waits_gets_what_is_fired(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    await queue.publish(a_message("1"))
    await subscription.ack(await received(subscription))
    await scheduled(queue).fire("app:hourly", NOON, a_message("2"))

    assert (await received(subscription)).body == b"2"


@case
@needs("schedule", "max_length")
async def a_planned_time_that_finds_no_room_can_be_fired_again(queue: DriverQueue) -> None:
    for _ in range(MAX_LENGTH):
        await queue.publish(a_message())
    with pytest.raises(Full):
        await scheduled(queue).fire("app:hourly", NOON, a_message())

    assert await scheduled(queue).last_fired("app:hourly") is None
    subscription = queue.subscribe(1)
    await subscription.ack(await received(subscription))
    assert await scheduled(queue).fire("app:hourly", NOON, a_message()) is not None


@case
@needs("schedule", "unique")
async def a_planned_time_overlaps_while_its_key_is_unfinished(queue: DriverQueue) -> None:
    first = a_keyed_message("hourly")
    await scheduled(queue).fire("app:hourly", NOON, first)
    subscription = queue.subscribe(1)
    held = await received(subscription)

    assert (
        await scheduled(queue).fire("app:hourly", NOON + 1, a_keyed_message("hourly")) == first.id
    )
    assert await scheduled(queue).last_fired("app:hourly") == NOON + 1
    await subscription.ack(held)
    last = a_keyed_message("hourly")
    assert await scheduled(queue).fire("app:hourly", NOON + 2, last) == last.id
