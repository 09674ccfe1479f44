"""A paused queue delivers nothing, and accepts everything."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.tracked_queue import TrackedQueue
from tests.support.driver_conformance.messages import bodies, publish, received, shows
from tests.support.driver_conformance.suite import Harness, case, needs


async def pause(queue: DriverQueue, paused: bool = True) -> None:
    assert isinstance(queue, TrackedQueue)
    await queue.pause(paused)
    assert queue.paused == paused


@case
@needs("pause")
async def a_paused_queue_delivers_nothing_until_it_is_resumed(
    queue: DriverQueue, other: DriverQueue
) -> None:
    subscription = queue.subscribe(10)
    receiving = asyncio.create_task(received(subscription))
    await asyncio.sleep(0)
    await pause(queue)
    await publish(queue, "12")
    await publish(other, "3")
    elsewhere = await bodies(other.subscribe(1), 1)

    assert elsewhere == ["3"]
    assert not receiving.done()
    assert await shows(queue, Info(2, 0, 0, 0, paused=True))
    await pause(queue, False)
    assert (await receiving).body == b"1"
    assert await bodies(subscription, 1) == ["2"]


@case
@needs("pause")
async def what_was_claimed_ahead_is_given_back_by_a_pause(queue: DriverQueue) -> None:
    await publish(queue, "123")
    subscription = queue.subscribe(10)
    first = await received(subscription)
    await pause(queue)

    assert subscription.take() is None
    await subscription.ack(first)
    await pause(queue, False)
    assert await bodies(subscription, 2) == ["2", "3"]


@case
@needs("pause")
async def a_pause_is_kept_while_the_driver_does_not_run(harness: Harness) -> None:
    queue = harness.declare("queue")
    await pause(queue)
    await harness.stop()
    await harness.start()
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    receiving = asyncio.create_task(received(subscription))
    other = harness.declare("other")
    await publish(other, "2")
    assert await bodies(other.subscribe(1), 1) == ["2"]

    assert await shows(queue, Info(1, 0, 0, 0, paused=True))
    await harness.stop()
    await pause(queue, False)
    await harness.start()
    assert (await receiving).body == b"1"
