"""Many messages are published in one step or not at all, and are consumed in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.driver_queue import DriverQueue, Full, Info
from runtime.engines.queue.publication import publish_all
from runtime.engines.queue.queue import Queue
from runtime.engines.sql.contract import Transaction
from runtime.modules.queue import messages
from runtime.modules.sql import transaction
from tests.support.clock import FakeClock
from tests.support.consuming import AT_ONCE, SOON, consuming, until
from tests.support.driver_conformance.messages import (
    Undone,
    a_message,
    bodies,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import (
    MAX_LENGTH,
    NEVER,
    ROOM,
    Harness,
    case,
    needs,
)

Begin = Callable[[], AbstractAsyncContextManager[Transaction]]
MANY = 1_200


@case
async def many_messages_come_in_the_order_of_their_list(harness: Harness) -> None:
    queue = harness.declare("wide", ROOM)
    sent = [a_message(str(number)) for number in range(MANY)]
    await publish_all(queue, sent, 0.0, None)
    subscription = queue.subscribe(100)
    got = []
    for _ in sent:
        got.append(await received(subscription))
        await subscription.ack(got[-1])

    assert [(each.id, each.body) for each in got] == [(each.id, each.body) for each in sent]


@case
async def a_consumer_that_waits_gets_what_many_publish(queue: DriverQueue) -> None:
    waiting = asyncio.ensure_future(received(queue.subscribe(1)))
    await publish_all(queue, [a_message(body) for body in "12"], 0.0, None)

    assert (await waiting).body == b"1"


@case
@needs("delay", "info")
async def many_messages_wait_for_their_delay(queue: DriverQueue) -> None:
    await publish_all(queue, [a_message(), a_message()], NEVER, None)

    assert await queue.info() == Info(0, 2, 0, 0)


@case
@needs("exact_length")
async def many_messages_are_accepted_together_or_not_at_all(queue: DriverQueue) -> None:
    await publish(queue, "12")
    with pytest.raises(Full) as refused:
        await publish_all(queue, [a_message() for _ in range(MAX_LENGTH - 1)], 0.0, None)
    assert refused.value.accepted == 0
    assert await queue.info() == Info(2, 0, 0, 0)
    await publish_all(queue, [a_message(body) for body in "345"], 0.0, None)

    assert await bodies(queue.subscribe(10), MAX_LENGTH) == list("12345")


@case
@needs("overflow")
async def many_messages_wait_until_there_is_room_for_all(harness: Harness, fake: FakeClock) -> None:
    queue = harness.declare("waited for", wait=2.0)
    await publish(queue, "12345")
    subscription = queue.subscribe(0)
    first, second = await received(subscription), await received(subscription)
    more = publish_all(queue, [a_message("6"), a_message("7")], 0.0, None)
    publisher = asyncio.create_task(more)
    await until(lambda: fake.timers > 0)
    await subscription.ack(first)
    await subscription.ack(second)
    await asyncio.wait_for(publisher, SOON)

    assert await bodies(subscription, MAX_LENGTH) == list("34567")
    assert fake.timers == 0


@case
@needs("overflow")
async def more_messages_than_a_queue_can_hold_are_refused_at_once(
    harness: Harness, fake: FakeClock
) -> None:
    queue = harness.declare("waited for", wait=2.0)
    with pytest.raises(Full):
        await publish_all(queue, [a_message() for _ in range(MAX_LENGTH + 1)], 0.0, None)

    assert await queue.info() == Info(0, 0, 0, 0)


@case
@needs("transaction")
async def many_messages_in_a_transaction_come_once_it_is_committed(
    queue: DriverQueue, begin: Begin
) -> None:
    with pytest.raises(Undone):
        async with begin() as tx:
            await publish_all(queue, [a_message("1"), a_message("2")], 0.0, tx)
            raise Undone
    assert await queue.info() == Info(0, 0, 0, 0)
    waiting = asyncio.ensure_future(received(queue.subscribe(1)))
    async with begin() as tx:
        await publish_all(queue, [a_message("3"), a_message("4")], 0.0, tx)
        assert not waiting.done()

    assert (await waiting).body == b"3"


@case
@needs("transaction", "max_length")
async def many_messages_without_room_leave_the_rest_of_a_transaction(
    queue: DriverQueue, begin: Begin
) -> None:
    async with begin() as tx:
        await queue.publish(a_message(), transaction=tx)
        with pytest.raises(Full):
            await publish_all(queue, [a_message() for _ in range(MAX_LENGTH)], 0.0, tx)

    assert await queue.info() == Info(1, 0, 0, 0)


def consumed(queue: DriverQueue) -> Queue:
    return Queue("app:q", queue, AT_ONCE, max_attempts=3, max_requeues=3)


def by(size: int, wait: float = 0.0, **options: Any) -> dict[str, Any]:
    return {"batching": Batching(size=size, wait=wait), "prefetch": 100, **options}


@case
async def a_consumer_gets_batches_in_the_order_of_the_queue(harness: Harness) -> None:
    queue = harness.declare("wide", ROOM)
    got: list[list[int]] = []
    done = asyncio.Event()

    async def handler(bodies: list[int]) -> None:
        got.append(bodies)
        if sum(map(len, got)) == 100:
            done.set()

    await publish_all(queue, [a_message(str(number)) for number in range(100)], 0.0, None)
    async with consuming(consumed(queue), handler, **by(40, 0.5)):
        await asyncio.wait_for(done.wait(), SOON)

    assert [number for bodies in got for number in bodies] == [*range(100)]
    assert len(got[0]) == 40
    assert await shows(queue, Info(0, 0, 0, 0))


@case
async def of_a_batch_each_message_is_settled_by_itself(queue: DriverQueue) -> None:
    attempts: list[tuple[int, int]] = []
    done = asyncio.Event()

    async def handler(bodies: list[int]) -> None:
        for message, body in zip(messages(), bodies, strict=True):
            attempts.append((body, message.attempt))
            if len(attempts) == 4:
                done.set()
            elif body == 2:
                await message.nack(0)

    await publish(queue, "123")
    async with consuming(consumed(queue), handler, **by(3, 0.5)):
        await asyncio.wait_for(done.wait(), SOON)

    assert attempts == [(1, 1), (2, 1), (3, 1), (2, 2)]
    assert await shows(queue, Info(0, 0, 0, 0))


@case
@needs("release", "info")
async def a_stop_gives_back_what_waits_for_its_batch(queue: DriverQueue) -> None:
    await publish(queue, "12")
    async with consuming(consumed(queue), lambda _: None, **by(3, NEVER)):
        while (await queue.info()).in_flight != 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
    subscription = queue.subscribe(0)
    again = [await received(subscription) for _ in "12"]

    assert [(each.body, each.attempt) for each in again] == [(b"1", 1), (b"2", 1)]


@case
@needs("transaction", "info")
async def writes_and_acks_of_a_batch_are_committed_together(
    queue: DriverQueue, other: DriverQueue, begin: Begin
) -> None:
    attempts: list[tuple[int, int]] = []
    done = asyncio.Event()

    async def handler(bodies: list[int]) -> None:
        for message, body in zip(messages(), bodies, strict=True):
            attempts.append((body, message.attempt))
            await other.publish(a_message(str(body)), transaction=transaction())
            if message.attempt == 1:
                await message.ack()  # undone with the rest, as the call fails
            if body == 2:
                if message.attempt == 1:
                    raise Undone
                if message.attempt == 2:
                    await message.nack(0)
                else:
                    done.set()

    await publish(queue, "123")
    async with consuming(consumed(queue), handler, transactions=begin, **by(3, 0.5)):
        await asyncio.wait_for(done.wait(), SOON)

    assert attempts == [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3)]
    assert await queue.info() == Info(0, 0, 0, 0)
    assert await bodies(other.subscribe(0), 4) == list("1232")
