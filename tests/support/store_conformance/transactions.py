"""What is done in a transaction is done when and if that is committed."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import Full, NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Bury, Publish, Requeue, Retry
from runtime.engines.sql.contract import Transaction, TransactionLost
from tests.support.store_conformance.suite import (
    OTHER,
    QUEUE,
    Program,
    Site,
    a_message,
    ack,
    case,
)


class Undone(Exception):
    """Rolls a transaction back."""


async def publish(program: Program, transaction: Transaction, limit: int | None = None) -> str:
    item = Publish(OTHER, a_message("mail"), 0.0, limit)
    return await program.store.publish(item, transaction)


async def work(program: Program, transaction: Transaction, held: tuple[int, Message]) -> None:
    """Ack a message and publish another."""
    await program.store.settle_in(transaction, ack(held))
    await publish(program, transaction)


@case
async def an_ack_and_a_publish_are_committed_together(
    here: Program, there: Program, site: Site
) -> None:
    await here.publish(a_message())
    committed = asyncio.Event()
    async with site.database.transaction() as tx:
        await work(here, tx, await here.one())
        here.store.after_commit(tx, committed.set)
        assert await there.counts() == (0, 0, 1, 0)
        assert await there.counts(OTHER) == (0, 0, 0, 0)
        assert not committed.is_set()
    await asyncio.wait_for(committed.wait(), 10)

    assert await there.counts() == (0, 0, 0, 0)
    assert await there.bodies(queue=OTHER) == ["mail"]


@case
async def an_ack_and_a_publish_are_rolled_back_together(here: Program, site: Site) -> None:
    await here.publish(a_message())
    held = await here.one()
    told: list[str] = []
    with pytest.raises(Undone):
        async with site.database.transaction() as tx:
            here.store.after_commit(tx, lambda: told.append("committed"))
            await work(here, tx, held)
            raise Undone
    assert await here.counts() == (0, 0, 1, 0)
    assert await here.counts(OTHER) == (0, 0, 0, 0)
    await here.store.settle(ack(held))  # it is still held

    assert told == []
    assert await here.counts() == (0, 0, 0, 0)


@case
async def of_a_transaction_that_is_lost_nothing_is_done(here: Program, site: Site) -> None:
    await here.publish(a_message())
    held = await here.one()
    told: list[str] = []
    with pytest.raises(TransactionLost):
        async with site.database.transaction() as tx:
            here.store.after_commit(tx, lambda: told.append("committed"))
            await work(here, tx, held)
            await site.lose(tx)
    assert told == []
    assert await here.counts(OTHER) == (0, 0, 0, 0)
    await here.store.settle(ack(held))

    assert await here.counts() == (0, 0, 0, 0)


@case
async def every_settlement_can_be_one_of_a_transaction(here: Program, site: Site) -> None:
    await here.publish(a_message("a"), a_message("b"))
    (first, a), (second, b) = (await here.claim()).messages
    async with site.database.transaction() as tx:
        await here.store.settle_in(tx, Retry(first, a.token, 0.0))
        await here.store.settle_in(tx, Bury(second, b.token, {}, None, "app:tasks"))

    assert await here.counts() == (1, 0, 0, 1)


@case
async def a_refusal_is_told_at_once_and_the_transaction_goes_on(here: Program, site: Site) -> None:
    await here.publish(a_message())
    held = await here.one()
    await here.store.settle(Retry(held[0], held[1].token, 0.0))
    async with site.database.transaction() as tx:
        with pytest.raises(NotHeld):
            await here.store.settle_in(tx, ack(held))
        await publish(here, tx, 1)
        with pytest.raises(Full):
            await publish(here, tx, 1)

    assert await here.counts() == (1, 0, 0, 0)
    assert await here.counts(OTHER) == (1, 0, 0, 0)


@case
async def a_letter_is_requeued_in_a_transaction(here: Program, site: Site) -> None:
    await here.publish(a_message("a"))
    seq, message = await here.one()
    await here.store.settle(Bury(seq, message.token, {}, OTHER, "app:tasks"))
    seq, held = await here.one(OTHER)
    item = Requeue(OTHER, held, held.token, QUEUE, 10, seq)
    with pytest.raises(Undone):
        async with site.database.transaction() as tx:
            await here.store.requeue(item, tx)
            raise Undone
    assert await here.counts(OTHER) == (0, 0, 1, 0)
    async with site.database.transaction() as tx:
        await here.store.requeue(item, tx)

    assert await here.counts(OTHER) == (0, 0, 0, 0)
    assert await here.bodies() == ["a"]


@case
async def a_publish_inside_of_a_transaction_that_is_not_given_it_is_refused(
    here: Program, site: Site
) -> None:
    async with site.database.transaction() as tx:
        await publish(here, tx)
        with pytest.raises(RuntimeError, match="transaction"):
            await here.publish(a_message())

    assert await here.counts() == (0, 0, 0, 0)
    assert await here.counts(OTHER) == (1, 0, 0, 0)


@case
async def a_transaction_of_another_database_is_refused(here: Program, site: Site) -> None:
    async with site.another() as elsewhere, elsewhere.transaction() as tx:
        with pytest.raises(ValueError, match="is not one of"):
            await publish(here, tx)
        with pytest.raises(ValueError, match="is not one of"):
            here.store.after_commit(tx, lambda: None)
    with pytest.raises(TypeError, match="is of type object"):
        await publish(here, object())  # type: ignore[arg-type]

    assert await here.counts(OTHER) == (0, 0, 0, 0)
