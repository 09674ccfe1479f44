"""A dead letter is kept with the reason of its death, in whichever queue it goes to."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.outcome import Reason
from tests.support.driver_conformance.messages import (
    a_message,
    a_ranked_message,
    bodies,
    dead_letter,
    holds,
    lost,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import ROOM, Harness, case, needs


@case
async def a_dead_letter_keeps_what_it_was_and_says_why(queue: DriverQueue) -> None:
    sent = a_message("[1]", trace="t")
    await queue.publish(sent)
    subscription = queue.subscribe(10)
    message = await received(subscription)
    error = ValueError("no number")
    await subscription.bury(message, dead_letter(message, Reason.ATTEMPTS, error), None)
    (dead,) = await queue.dead_letters()

    assert (sent.id, b"[1]") == (dead.id, dead.body)
    time = dead.headers["x_dead_letter_time"]
    assert time.startswith("20")
    assert dict(dead.headers) == {
        "trace": "t",
        "x_original_queue": "app:q",
        "x_dead_letter_reason": "attempts",
        "x_dead_letter_error": "ValueError: no number",
        "x_dead_letter_time": time,
        "attempts": "1",
    }


@case
async def a_dead_letter_is_received_from_another_queue(
    queue: DriverQueue, other: DriverQueue
) -> None:
    await queue.publish(a_message("[1]"))
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead_letter(message), other)
    dead = await received(other.subscribe(10))

    assert (
        dead.body,
        dead.attempt,
        dead.headers["x_dead_letter_reason"],
    ) == (b"[1]", 1, "rejected")
    assert await shows(queue, Info(0, 0, 0, 0))


@case
async def the_oldest_dead_letters_come_first_and_no_more_than_asked_for(harness: Harness) -> None:
    queue = harness.declare("queue", ROOM)
    await publish(queue, range(5))
    subscription = queue.subscribe(10)
    for _ in range(5):
        message = await received(subscription)
        await subscription.bury(message, dead_letter(message), None)

    assert [letter.body for letter in await queue.dead_letters(2)] == [b"0", b"1"]
    assert len(await queue.dead_letters()) == 5


@case
async def a_burial_wakes_who_waits_for_dead_letters(queue: DriverQueue, other: DriverQueue) -> None:
    waiting = asyncio.ensure_future(received(other.subscribe(10)))
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead_letter(message), other)

    assert (await waiting).id == message.id


@case
async def a_dead_letter_crosses_to_another_driver(queue: DriverQueue, foreign: DriverQueue) -> None:
    sent = a_message('{"text": "añ😀"}', trace="ü")
    await queue.publish(sent)
    subscription = queue.subscribe(10)
    message = await received(subscription)
    buried = dead_letter(message, Reason.ATTEMPTS, ValueError("ü\n😀"))
    await subscription.bury(message, buried, foreign)
    got = await received(foreign.subscribe(10))

    assert (got.id, got.body, got.attempt) == (sent.id, sent.body, 1)
    assert dict(got.headers) == dict(buried.headers)
    assert got.headers["x_dead_letter_error"] == "ValueError: ü\n😀"
    assert await shows(queue, Info(0, 0, 0, 0))
    await lost(subscription.ack(message))


@case
async def a_full_queue_of_another_driver_takes_a_dead_letter(
    queue: DriverQueue, foreign: DriverQueue
) -> None:
    await publish(foreign, "12345")
    await publish(queue, "6")
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead_letter(message), foreign)

    assert await bodies(foreign.subscribe(10), 6) == list("123456")
    assert await shows(queue, Info(0, 0, 0, 0))


@case
@needs("priority")
async def a_dead_letter_keeps_its_priority(
    queue: DriverQueue, other: DriverQueue, foreign: DriverQueue
) -> None:
    for to in (other, foreign):
        for priority in (0, 5):
            await queue.publish(a_ranked_message(f"{priority}", priority))
        subscription = queue.subscribe(10)
        messages = [await received(subscription) for _ in range(2)]
        for message in reversed(messages):
            await subscription.bury(message, dead_letter(message), to)
        await subscription.close()

        assert await bodies(to.subscribe(10), 2) == ["5", "0"]


@case
async def a_queue_may_be_its_own_for_dead_letters(queue: DriverQueue) -> None:
    await publish(queue, "1")
    subscription = queue.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, dead_letter(message), queue)
    again = await received(subscription)

    assert (again.id, again.attempt) == (message.id, 1)
    assert again.headers["x_original_queue"] == "app:q"
    assert await holds(queue, 1)
