"""Stores open and close, owners die, and their messages are released."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import NotHeld
from runtime.engines.queue.sql.operations import Bury, Claim, Publish, Release, Retry
from runtime.service import Unavailable
from tests.support.store_conformance.suite import QUEUE, Program, Site, a_message, ack, case


async def end_lease(site: Site, program: Program) -> None:
    """Take a program's lease away, as others do after it expired."""
    await site.database.execute("DELETE FROM runtime_owner WHERE id = ?", [program.store.owner])


@case
async def a_store_that_is_not_open_refuses(site: Site) -> None:
    program = Program(site.store())
    for _ in range(2):
        with pytest.raises(Unavailable):
            _ = program.store.owner
        with pytest.raises(Unavailable):
            await program.store.publish(Publish(QUEUE, a_message(), 0.0, None), None)
        with pytest.raises(Unavailable):
            await program.store.promote()
        program.store.abandon()  # it may be abandoned before it is open, and after its end
        await program.open()
        await program.publish(a_message())
        await program.store.close()
    program.store.abandon()


@case
async def stores_that_open_at_the_same_moment_make_the_tables_once(site: Site) -> None:
    programs = [Program(site.store()) for _ in range(8)]
    await asyncio.gather(*[program.open() for program in programs])
    await programs[0].publish(a_message("a"))
    for program in programs:
        await program.store.close()


@case
async def two_stores_have_two_owners(here: Program, there: Program) -> None:
    assert here.store.owner != there.store.owner
    assert here.store.label == there.store.label


@case
async def a_store_that_closes_gives_back_what_it_held(here: Program, there: Program) -> None:
    await here.publish(a_message("a"), a_message("b"))
    held = await here.one()
    await here.store.close()
    with pytest.raises(NotHeld):
        await there.store.settle(ack(held))
    claimed = await there.claim()

    assert [message.body for _, message in claimed.messages] == [b"a", b"b"]
    assert [message.attempt for _, message in claimed.messages] == [1, 1]
    assert not claimed.suspect


@case
async def a_store_that_opens_again_has_another_owner_and_all_messages(here: Program) -> None:
    before = here.store.owner
    await here.publish(a_message("a"))
    await here.store.close()
    await here.open()

    assert here.store.owner != before
    assert await here.bodies() == ["a"]


@case
async def what_a_dead_owner_held_is_released_and_its_attempts_are_spent(
    here: Program, there: Program
) -> None:
    await here.publish(*(a_message(body) for body in "abc"))
    await here.claim(2)
    here.store.abandon()
    await there.rescue()
    assert await there.counts() == (3, 0, 0, 0)
    came = [(await there.one())[1] for _ in range(3)]

    assert [(message.body, message.attempt) for message in came] == [
        (b"a", 2),
        (b"b", 2),
        (b"c", 1),
    ]


@case
async def what_a_dead_owner_held_it_cannot_settle(here: Program, there: Program) -> None:
    await here.publish(a_message("a"))
    seq, message = await here.one()
    settle, token = here.store.settle, message.token
    here.store.abandon()
    await there.rescue()
    held = await there.one()
    assert held[1].token > token
    for item in (
        ack((seq, message)),
        Retry(seq, token, 0.0),
        Release(seq, token),
        Bury(seq, token, {}, None, "app:tasks"),
    ):
        with pytest.raises((NotHeld, Unavailable)):
            await settle(item)
    assert await there.counts() == (0, 0, 1, 0)
    await there.store.settle(ack(held))

    assert await there.counts() == (0, 0, 0, 0)


@case
async def a_living_owner_keeps_what_it_holds(here: Program, there: Program) -> None:
    await here.publish(a_message("a"))
    held = await here.one()
    reports = [await there.reported(lambda report: True) for _ in range(5)]
    await here.store.settle(ack(held))

    assert all(not report.rescued for report in reports)
    assert not any(report.expired for report in here.reports)


@case
async def a_store_whose_lease_was_ended_says_so_once_and_takes_another(
    here: Program, there: Program, site: Site
) -> None:
    before = here.store.owner
    assert (await here.reported(lambda report: report.renewed)).held
    await end_lease(site, here)
    ended = await here.reported(lambda report: report.expired)
    assert (ended.renewed, ended.held) == (False, True)
    assert here.store.owner not in (before, there.store.owner)
    following = await here.reported(lambda report: True)
    await here.publish(a_message("a"))

    assert not following.expired
    assert await here.bodies() == ["a"]


@case
async def nothing_is_claimed_under_a_lease_that_was_ended(here: Program, site: Site) -> None:
    before = here.store.owner
    await here.publish(a_message("a"))
    await end_lease(site, here)
    with pytest.raises(Unavailable):
        await here.store.claim(Claim(QUEUE, before, 1, True))

    assert await here.counts() == (1, 0, 0, 0)
