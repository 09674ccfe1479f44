"""Messages are accepted, refused, delayed and counted."""

from __future__ import annotations

import asyncio

import pytest

from runtime.engines.queue.driver_queue import Full
from runtime.engines.queue.sql.operations import Publish
from tests.support.consuming import until
from tests.support.store_conformance.suite import (
    LIMIT,
    OTHER,
    QUEUE,
    Program,
    a_message,
    ack,
    case,
)

LATER, NEVER = 0.05, 3600.0
"""Seconds of delay: one that a case waits for, and one that it does not."""


async def publish(program: Program, body: str = "1", **fields: object) -> str:
    """Publish a message to a queue with the limit. Returns the id that came back."""
    item = Publish(QUEUE, a_message(body, **fields), 0.0, LIMIT)
    return await program.store.publish(item, None)


@case
async def what_is_published_comes_back_as_it_was(here: Program, there: Program) -> None:
    message = a_message("\0ü", headers={"ü": "\0€"}, priority=-3, unique="k")
    await here.publish(message)
    _, came = await there.one()

    assert (came.id, came.body, dict(came.headers)) == (message.id, message.body, message.headers)
    assert (came.priority, came.unique, came.published) == (-3, "k", message.published)
    assert (came.attempt, came.token) == (1, 1)


@case
async def what_is_published_at_one_time_keeps_its_order(here: Program) -> None:
    messages = [a_message(str(number)) for number in range(100)]
    items = [Publish(QUEUE, message, 0.0, 100) for message in messages]
    ids = await asyncio.gather(*(here.store.publish(item, None) for item in items))

    assert ids == [message.id for message in messages]
    assert await here.bodies(100) == [str(number) for number in range(100)]


@case
async def a_full_queue_refuses_and_says_how_many_it_has(here: Program) -> None:
    await asyncio.gather(*(publish(here) for _ in range(LIMIT - 1)))
    await here.claim(2)  # what is in flight counts
    await here.publish(a_message(), delay=NEVER)  # and what is delayed
    with pytest.raises(Full) as refused:
        await publish(here)

    assert refused.value.length == LIMIT
    assert await here.counts() == (2, 1, 2, 0)


@case
async def of_too_many_at_one_time_some_are_accepted(here: Program) -> None:
    asked = [publish(here) for _ in range(LIMIT + 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(answer) for answer in answers] == [str] * LIMIT + [Full] * 3
    assert await here.counts() == (LIMIT, 0, 0, 0)


@case
async def an_ack_makes_room_and_a_dead_letter_needs_none(here: Program) -> None:
    for _ in range(LIMIT):
        await publish(here)
    await here.store.settle(ack(await here.one()))
    await publish(here)
    await here.publish(a_message())  # without a limit, as a dead letter

    assert await here.counts() == (LIMIT + 1, 0, 0, 0)


@case
async def a_key_that_waits_is_not_accepted_again(here: Program, there: Program) -> None:
    first = await publish(here, unique="k")

    assert await publish(there, unique="k") == first
    assert await publish(there, unique="other") != first
    assert await here.counts() == (2, 0, 0, 0)


@case
async def of_one_key_at_one_time_one_is_accepted(here: Program, there: Program) -> None:
    programs = [here, there] * 10
    ids = await asyncio.gather(*(publish(program, unique="k") for program in programs))

    assert len(set(ids)) == 1
    assert await here.counts() == (1, 0, 0, 0)


@case
async def a_key_of_a_message_in_flight_counts_if_it_is_asked_for(here: Program) -> None:
    first = await publish(here, unique="k")
    held = await here.one()
    running = Publish(QUEUE, a_message(unique="k"), 0.0, LIMIT, counts_running=True)
    assert await here.store.publish(running, None) == first
    second = await publish(here, unique="k")
    assert second != first
    await here.store.settle(ack(held))
    await here.store.settle(ack(await here.one()))

    assert await publish(here, unique="k") not in (first, second)


@case
async def a_key_is_one_of_its_queue(here: Program) -> None:
    await here.publish(a_message(unique="k"))
    await here.publish(a_message(unique="k"), queue=OTHER)

    assert await here.counts() == await here.counts(OTHER) == (1, 0, 0, 0)


@case
async def a_delayed_message_is_not_claimed_before_it_is_promoted(here: Program) -> None:
    await here.publish(a_message("late"), delay=LATER)
    await here.publish(a_message("never"), delay=NEVER)
    assert await here.counts() == (0, 2, 0, 0)
    assert await here.bodies() == []
    while not (promoted := await here.store.promote()).queues:
        assert promoted.due_in is not None
        await asyncio.sleep(promoted.due_in)

    assert set(promoted.queues) == {QUEUE}
    assert promoted.due_in is not None
    assert NEVER / 2 < promoted.due_in <= NEVER
    assert await here.counts() == (1, 1, 0, 0)
    assert await here.bodies() == ["late"]


@case
async def a_promotion_without_anything_delayed_says_so(here: Program) -> None:
    await here.publish(a_message())
    promoted = await here.store.promote()

    assert (list(promoted.queues), promoted.due_in) == ([], None)


@case
async def a_report_says_when_the_next_message_is_due(here: Program, there: Program) -> None:
    await here.publish(a_message(), delay=NEVER)
    report = await there.reported(lambda report: report.due_in is not None)

    assert report.due_in is not None
    assert 0 < report.due_in <= NEVER


@case
async def a_delay_without_end_is_one(here: Program) -> None:
    await here.publish(a_message(), delay=1e300)
    await here.store.promote()

    assert await here.counts() == (0, 1, 0, 0)


@case
async def others_hear_of_ready_messages(here: Program, there: Program) -> None:
    await here.reported(lambda report: True)  # a program that began meanwhile is known by then
    here.store.notify([QUEUE, OTHER])
    await until(lambda: set(there.heard) == {QUEUE, OTHER})

    assert here.heard == []
