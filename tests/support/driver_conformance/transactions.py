"""A publish and an ack in a transaction are done when and if that is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from runtime.engines.queue.driver_queue import DriverQueue, Full, Info, NotHeld
from runtime.engines.sql.contract import Transaction
from tests.support.driver_conformance.messages import (
    Undone,
    a_keyed_message,
    a_message,
    dead_letter,
    lost,
    publish,
    received,
)
from tests.support.driver_conformance.suite import MAX_LENGTH, NEVER, case, needs

Begin = Callable[[], AbstractAsyncContextManager[Transaction]]


@case
@needs("transaction")
async def what_is_published_in_a_transaction_comes_once_it_is_committed(
    queue: DriverQueue, begin: Begin
) -> None:
    waiting = asyncio.ensure_future(received(queue.subscribe(1)))
    async with begin() as tx:
        await queue.publish(a_message("1"), transaction=tx)
        assert await queue.info() == Info(0, 0, 0, 0)
        assert not waiting.done()

    assert (await waiting).body == b"1"


@case
@needs("transaction", "delay")
async def what_is_published_with_a_delay_in_a_transaction_waits(
    queue: DriverQueue, begin: Begin
) -> None:
    async with begin() as tx:
        await queue.publish(a_message(), NEVER, transaction=tx)

    assert await queue.info() == Info(0, 1, 0, 0)


@case
@needs("transaction")
async def what_is_published_in_a_transaction_that_is_rolled_back_never_was(
    queue: DriverQueue, begin: Begin
) -> None:
    with pytest.raises(Undone):
        async with begin() as tx:
            await queue.publish(a_message(), transaction=tx)
            raise Undone
    await queue.publish(a_message("2"))

    assert (await received(queue.subscribe(1))).body == b"2"
    assert await queue.info() == Info(0, 0, 1, 0)


@case
@needs("transaction")
async def an_ack_in_a_transaction_is_one_once_it_is_committed(
    queue: DriverQueue, begin: Begin
) -> None:
    await publish(queue, "12")
    subscription = queue.subscribe(0)
    message = await received(subscription)
    async with begin() as tx:
        await subscription.ack(message, tx)
        assert (await queue.info()).in_flight == 1
    await lost(subscription.retry(message, 0))

    assert await queue.info() == Info(1, 0, 0, 0)


@case
@needs("transaction")
async def an_ack_in_a_transaction_that_is_rolled_back_leaves_the_message_held(
    queue: DriverQueue, begin: Begin
) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(1)
    message = await received(subscription)
    with pytest.raises(Undone):
        async with begin() as tx:
            await subscription.ack(message, tx)
            raise Undone
    assert (await queue.info()).in_flight == 1
    await subscription.retry(message, 0)
    again = await received(subscription)

    assert again.attempt == 2
    await subscription.ack(again)


@case
@needs("transaction")
async def an_ack_and_a_publish_are_committed_together_or_not_at_all(
    queue: DriverQueue, other: DriverQueue, begin: Begin
) -> None:
    await publish(queue, "12")
    subscription = queue.subscribe(1)
    for undone in True, False:
        message = await received(subscription)
        try:
            async with begin() as tx:
                await subscription.ack(message, tx)
                await other.publish(a_message(f"from {message.body.decode()}"), transaction=tx)
                if undone:
                    raise Undone
        except Undone:
            await subscription.bury(message, dead_letter(message), None)

    assert await queue.info() == Info(0, 0, 0, 1)
    assert (await received(other.subscribe(1))).body == b"from 2"
    assert await other.info() == Info(0, 0, 1, 0)


@case
@needs("transaction")
async def a_message_that_is_not_held_cannot_be_acked_in_a_transaction(
    queue: DriverQueue, begin: Begin
) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(1)
    message = await received(subscription)
    await subscription.retry(message, NEVER)
    async with begin() as tx:
        with pytest.raises(NotHeld):
            await subscription.ack(message, tx)

    assert await queue.info() == Info(0, 1, 0, 0)


@case
@needs("transaction", "max_length", "unique")
async def a_refusal_in_a_transaction_leaves_the_rest_of_it(
    queue: DriverQueue, begin: Begin
) -> None:
    async with begin() as tx:
        first = await queue.publish(a_keyed_message("k"), transaction=tx)
        assert await queue.publish(a_keyed_message("k"), transaction=tx) == first
        for _ in range(MAX_LENGTH - 1):
            await queue.publish(a_message(), transaction=tx)
        with pytest.raises(Full):
            await queue.publish(a_message(), transaction=tx)

    assert await queue.info() == Info(MAX_LENGTH, 0, 0, 0)


@case
@needs("transaction")
async def a_message_is_not_published_beside_the_transaction_that_one_is_in(
    queue: DriverQueue, begin: Begin
) -> None:
    async with begin() as tx:
        await queue.publish(a_message("1"), transaction=tx)
        with pytest.raises(RuntimeError):
            await queue.publish(a_message("2"))

    assert await queue.info() == Info(1, 0, 0, 0)


@case
@needs("transaction")
async def what_is_no_transaction_is_refused(queue: DriverQueue) -> None:
    with pytest.raises(TypeError, match="is of type object"):
        await queue.publish(a_message(), transaction=object())  # type: ignore[arg-type]

    assert await queue.info() == Info(0, 0, 0, 0)
