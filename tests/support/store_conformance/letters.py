"""Dead letters are found, counted, requeued and dropped."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runtime.engines.queue.driver_queue import Full, KeyTaken, NotHeld
from runtime.engines.queue.message import Message
from runtime.engines.queue.sql.operations import Bury, Drop, Requeue
from tests.support.store_conformance.suite import (
    LIMIT,
    OTHER,
    QUEUE,
    Program,
    a_message,
    case,
)

DIED_IN = "app:tasks"


async def bury(program: Program, *bodies: str, to: str | None = None) -> list[str]:
    """Publish messages, and make dead letters of them. Returns their ids."""
    ids = []
    for body in bodies:
        message = a_message(body)
        await program.publish(message)
        seq, held = await program.one()
        item = Bury(seq, held.token, {"why": body}, to, DIED_IN)
        await program.store.settle(item)
        ids.append(message.id)
    return ids


async def letter(program: Program, id: str, died_in: str | None = None) -> Message:
    """A letter that is there."""
    queue = OTHER if died_in else QUEUE
    found = await program.store.find_dead_letter(queue, died_in, id)
    assert found is not None
    return found


def requeue(found: Message, queue: str = QUEUE, **changes: object) -> Requeue:
    again = replace(found, headers={"again": "yes"}, **changes)
    return Requeue(queue, again, found.token, QUEUE, LIMIT)


@case
async def letters_are_listed_the_oldest_first(here: Program, there: Program) -> None:
    ids = await bury(here, "a", "b", "c")
    letters = await there.store.dead_letters(QUEUE, None, 2)

    assert [(each.id, each.body, dict(each.headers)) for each in letters] == [
        (ids[0], b"a", {"why": "a"}),
        (ids[1], b"b", {"why": "b"}),
    ]
    assert await there.counts() == (0, 0, 0, 3)
    assert await there.store.dead_letters(OTHER, None, 10) == []


@case
async def letters_that_another_queue_received_are_told_from_its_messages(here: Program) -> None:
    await bury(here, "a", "b", to=OTHER)
    await here.publish(a_message("mail"), queue=OTHER)
    letters = await here.store.dead_letters(OTHER, DIED_IN, 10)

    assert [each.body for each in letters] == [b"a", b"b"]
    assert await here.store.count_dead_letters(OTHER, DIED_IN) == 2
    assert await here.store.count_dead_letters(OTHER, "app:other") == 0
    assert await here.store.dead_letters(OTHER, None, 10) == []


@case
async def a_letter_is_found_by_its_id_in_its_queue(here: Program) -> None:
    (id,) = await bury(here, "a")

    assert (await letter(here, id)).body == b"a"
    assert await here.store.find_dead_letter(OTHER, None, id) is None
    assert await here.store.find_dead_letter(QUEUE, DIED_IN, id) is None
    assert await here.store.find_dead_letter(QUEUE, None, "another") is None


@case
async def a_letter_in_flight_is_counted_and_not_found(here: Program) -> None:
    (id,) = await bury(here, "a", to=OTHER)
    found = await letter(here, id, DIED_IN)
    await here.one(OTHER)

    assert await here.store.find_dead_letter(OTHER, DIED_IN, id) is None
    assert await here.store.count_dead_letters(OTHER, DIED_IN) == 1
    with pytest.raises(NotHeld):
        await here.store.requeue(requeue(found, OTHER), None)
    with pytest.raises(NotHeld):
        await here.store.drop(Drop(OTHER, id, found.token))


@case
async def a_letter_is_requeued_once_as_a_new_message(here: Program, there: Program) -> None:
    (id,) = await bury(here, "a")
    found = await letter(there, id)
    await there.store.requeue(requeue(found), None)
    with pytest.raises(NotHeld):
        await here.store.requeue(requeue(found), None)
    _, again = await here.one()

    assert (again.id, again.attempt, dict(again.headers)) == (id, 1, {"again": "yes"})
    assert again.token > found.token
    assert await here.counts() == (0, 0, 1, 0)


@case
async def a_letter_comes_back_from_the_queue_that_received_it(here: Program) -> None:
    (id,) = await bury(here, "a", to=OTHER)
    await here.store.requeue(requeue(await letter(here, id, DIED_IN), OTHER), None)

    assert await here.counts(OTHER) == (0, 0, 0, 0)
    assert await here.bodies() == ["a"]
    assert await here.store.count_dead_letters(OTHER, DIED_IN) == 0


@case
async def a_letter_that_is_held_is_requeued_by_its_holder(here: Program) -> None:
    await bury(here, "a", to=OTHER)
    seq, held = await here.one(OTHER)
    again = replace(held, headers={})
    stale = Requeue(OTHER, again, held.token - 1, QUEUE, LIMIT, seq)
    with pytest.raises(NotHeld):
        await here.store.requeue(stale, None)
    await here.store.requeue(Requeue(OTHER, again, held.token, QUEUE, LIMIT, seq), None)

    assert await here.counts(OTHER) == (0, 0, 0, 0)
    assert await here.bodies() == ["a"]


@case
async def a_letter_stays_where_its_key_is_taken_or_its_queue_full(here: Program) -> None:
    (id,) = await bury(here, "a")
    found = await letter(here, id)
    await here.publish(a_message(unique="k"))
    await here.one()  # a key in flight counts
    with pytest.raises(KeyTaken):
        await here.store.requeue(requeue(found, unique="k"), None)
    await here.publish(*(a_message() for _ in range(LIMIT - 1)))
    with pytest.raises(Full):
        await here.store.requeue(requeue(found), None)

    assert await here.counts() == (LIMIT - 1, 0, 1, 1)
    assert (await letter(here, id)).token == found.token


@case
async def a_letter_is_dropped_once(here: Program) -> None:
    own, elsewhere = *await bury(here, "a"), *await bury(here, "b", to=OTHER)
    for queue, found in (
        (QUEUE, await letter(here, own)),
        (OTHER, await letter(here, elsewhere, DIED_IN)),
    ):
        with pytest.raises(NotHeld):
            await here.store.drop(Drop(queue, found.id, found.token + 1))
        await here.store.drop(Drop(queue, found.id, found.token))
        with pytest.raises(NotHeld):
            await here.store.drop(Drop(queue, found.id, found.token))

    assert await here.counts() == await here.counts(OTHER) == (0, 0, 0, 0)


@case
async def what_is_no_letter_is_not_dropped(here: Program) -> None:
    message = a_message()
    await here.publish(message)
    with pytest.raises(NotHeld):
        await here.store.drop(Drop(QUEUE, message.id, 0))

    assert await here.counts() == (1, 0, 0, 0)
