"""Many messages are published in one step, and none of them if there is no room for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full, Info
from runtime.engines.queue.publication import publish_all
from runtime.engines.sql.contract import Transaction
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, until
from tests.support.driver_conformance.messages import a_message, bodies, publish, received
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


class Undone(Exception):
    """Rolls a transaction back."""


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
