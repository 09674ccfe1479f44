"""What is held is settled once, by who holds it."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.operations import Ack, Bury, Prune, Release, Retry, Settle
from tests.support.store_conformance.suite import OTHER, Program, a_message, ack, case, done

NEVER = 3600.0


async def refused(program: Program, seq: int, token: int) -> None:
    """Every settlement by this token raises NotHeld."""
    items: list[Settle] = [
        Ack(seq, token),
        Retry(seq, token, 0.0),
        Release(seq, token),
        Bury(seq, token, {}, None, "app:tasks"),
    ]
    for item in items:
        with pytest.raises(NotHeld):
            await program.store.settle(item)


@case
async def a_settlement_of_an_older_claim_is_refused(here: Program) -> None:
    await here.publish(a_message("a"))
    seq, old = await here.one()
    await here.store.settle(Retry(seq, old.token, 0.0))
    await refused(here, seq, old.token)
    held = await here.one()
    await refused(here, seq, old.token)
    await here.store.settle(ack(held))

    assert held[1].token > old.token
    assert await here.counts() == (0, 0, 0, 0)


@case
async def of_settlements_at_one_time_one_succeeds(here: Program) -> None:
    await here.publish(*(a_message(str(number)) for number in range(4)))
    for first in range(4):
        seq, message = await here.one()
        items: list[Settle] = [
            ack((seq, message)),
            Retry(seq, message.token, NEVER),
            Bury(seq, message.token, {}, None, "app:tasks"),
            ack((seq, message)),
        ]
        items = items[first:] + items[:first]
        asked = [here.store.settle(item) for item in items]
        answers = await asyncio.gather(*asked, return_exceptions=True)

        assert [type(answer) for answer in answers].count(NotHeld) == 3
        assert answers.count(None) == 1
    ready, delayed, running, dead = await here.counts()

    assert (ready, running) == (0, 0)
    assert delayed + dead <= 3


@case
async def settlements_of_all_sorts_at_one_time_each_do_theirs(here: Program) -> None:
    await here.publish(*(a_message(body) for body in "abcde"))
    held = (await here.claim()).messages
    (a, b, c, d, e) = ((seq, message.token) for seq, message in held)
    items: list[Settle] = [
        ack(held[0]),
        Retry(*b, 0.0),
        Retry(*c, NEVER),
        Release(*d),
        Bury(*e, {"why": "no"}, None, "app:tasks"),
    ]
    assert await asyncio.gather(*map(here.store.settle, items)) == [None] * 5
    assert await here.counts() == (2, 1, 0, 1)
    again = (await here.claim()).messages

    assert a not in [(seq, message.token) for seq, message in again]
    assert [(message.body, message.attempt) for _, message in again] == [(b"d", 1), (b"b", 2)]


@case
async def what_is_released_is_in_front_and_what_is_retried_behind(here: Program) -> None:
    await here.publish(*(a_message(body) for body in "abc"))
    (first, a), (second, b) = (await here.claim(2)).messages
    await here.store.settle(Retry(first, a.token, 0.0))
    await here.store.settle(Release(second, b.token))

    assert await here.bodies() == ["b", "c", "a"]


@case
async def finished_messages_are_kept_for_as_long_as_each_should(here: Program) -> None:
    await here.publish(*(a_message(body) for body in "abcd"))
    first, *others = (await here.claim()).messages
    ends = [done(first, NEVER), *(done(each, 0.0) for each in others)]
    await asyncio.gather(*map(here.store.settle, ends))
    with pytest.raises(NotHeld):
        await here.store.settle(ack(first))
    assert await here.counts() == (0, 0, 0, 0)

    assert [await here.store.prune(Prune(2)) for _ in range(3)] == [2, 1, 0]


@case
async def a_finished_message_has_no_key_and_no_length(here: Program) -> None:
    await here.publish(a_message(unique="k"))
    await here.store.settle(done(await here.one()))
    await here.publish(a_message("again", unique="k"))

    assert await here.bodies() == ["again"]


@case
async def a_letter_that_goes_to_another_queue_is_a_new_message_there(here: Program) -> None:
    await here.publish(a_message("a", unique="k"))
    seq, message = await here.one()
    await here.store.settle(Bury(seq, message.token, {"why": "no"}, OTHER, "app:tasks"))
    _, letter = await here.one(OTHER)

    assert await here.counts() == (0, 0, 0, 0)
    assert (letter.id, letter.body, letter.attempt) == (message.id, b"a", 1)
    assert (dict(letter.headers), letter.unique) == ({"why": "no"}, None)
    assert letter.token > message.token
