"""Messages are claimed in their order, each by one owner, and suspects alone."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.sql.operations import Release, Retry
from tests.support.store_conformance.suite import OTHER, Program, a_message, case


@case
async def the_highest_priority_comes_first_and_then_the_oldest(here: Program) -> None:
    for body, priority in ("a", 0), ("b", 5), ("c", -5), ("d", 5), ("e", 0):
        await here.publish(a_message(body, priority=priority))

    assert await here.bodies(2) == ["b", "d"]
    assert await here.bodies() == ["a", "e", "c"]


@case
async def a_claim_says_what_it_gives_and_no_more(here: Program) -> None:
    await here.publish(a_message("elsewhere"), queue=OTHER)
    nothing = await here.claim(3)
    assert (list(nothing.messages), nothing.suspect) == ([], False)
    await here.publish(*(a_message(body) for body in "abc"))
    claimed = await here.claim(2)

    assert [message.body for _, message in claimed.messages] == [b"a", b"b"]
    assert not claimed.suspect
    assert await here.counts() == (1, 0, 2, 0)


@case
async def of_two_programs_each_message_is_claimed_by_one(here: Program, there: Program) -> None:
    await here.publish(*(a_message(str(number)) for number in range(60)))
    claims = [program.bodies(7) for program in (here, there) * 5]
    claimed = [body for bodies in await asyncio.gather(*claims) for body in bodies]

    assert sorted(claimed, key=int) == [str(number) for number in range(60)]


@case
async def a_suspect_is_claimed_alone_and_behind_what_comes_first(
    here: Program, there: Program
) -> None:
    await here.publish(a_message("a"), a_message("b"))
    await here.claim(1)
    here.store.abandon()
    await there.rescue()
    await there.publish(a_message("first", priority=1))
    before = await there.claim()
    assert [message.body for _, message in before.messages] == [b"first"]
    assert before.suspect
    beside = await there.claim(alone=False)
    assert (list(beside.messages), beside.suspect) == ([], True)
    (held,) = (await there.claim()).messages
    assert (held[1].body, held[1].attempt) == (b"a", 2)
    after = await there.claim(alone=False)

    assert [message.body for _, message in after.messages] == [b"b"]
    assert not after.suspect


@case
async def a_suspect_that_is_given_back_stays_one_and_one_that_is_retried_does_not(
    here: Program, there: Program
) -> None:
    await here.publish(a_message("a"))
    await here.claim()
    here.store.abandon()
    await there.rescue()
    seq, message = await there.one()
    await there.store.settle(Release(seq, message.token))
    assert list((await there.claim(alone=False)).messages) == []
    seq, message = await there.one()
    await there.store.settle(Retry(seq, message.token, 0.0))
    claimed = await there.claim(alone=False)

    assert [message.attempt for _, message in claimed.messages] == [3]
    assert not claimed.suspect
