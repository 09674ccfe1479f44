"""The suite that every queue driver must pass: call `check(driver)` for each case of `CASES`.

A case is given a fresh line, with room for `MAX_LENGTH` messages, of a driver that is running. To
enter a driver, add what opens such lines to `tests/kinds/test_queue_drivers.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from runtime.messaging.dead_letter import letter
from runtime.messaging.line import Closed, Full, Info, Line, NotHeld, Subscription
from runtime.messaging.message import Message, next_id
from runtime.messaging.outcome import Reason

MAX_LENGTH = 5
SOON = 5.0
"""Seconds within which anything that should happen has happened, on the slowest machine."""

CASES: list[Callable[[Line, Line], Awaitable[None]]] = []


def case(test: Callable[[Line, Line], Awaitable[None]]) -> Callable[[Line, Line], Awaitable[None]]:
    CASES.append(test)
    return test


def a_message(body: str = "1", **headers: str) -> Message:
    return Message(next_id(), body.encode(), headers)


def a_ranked_message(body: str, priority: int) -> Message:
    return Message(next_id(), body.encode(), priority=priority)


def a_keyed_message(key: str) -> Message:
    return Message(next_id(), b"1", unique=key)


async def received(subscription: Subscription) -> Message:
    return await asyncio.wait_for(subscription.receive(), SOON)


async def nothing_comes(subscription: Subscription) -> bool:
    """Whether a receiver still waits after everything else had several turns."""
    waiting = asyncio.ensure_future(subscription.receive())
    for _ in range(20):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    return waiting.cancelled()


@case
async def messages_come_in_the_order_they_were_published(line: Line, other: Line) -> None:
    for body in "123":
        await line.publish(a_message(body))
    subscription = line.subscribe(10)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
async def a_message_keeps_id_body_and_headers(line: Line, other: Line) -> None:
    sent = a_message('{"text": "añ😀"}', trace="ü")
    await line.publish(sent)
    got = await received(line.subscribe(10))

    assert (sent.id, '{"text": "añ😀"}', {"trace": "ü"}) == (
        got.id,
        got.body.decode(),
        dict(got.headers),
    )


@case
async def a_body_of_a_mebibyte_passes(line: Line, other: Line) -> None:
    body = '"' + "x" * 2**20 + '"'
    await line.publish(a_message(body))

    assert body == (await received(line.subscribe(10))).body.decode()


@case
async def a_waiting_receiver_gets_what_is_published(line: Line, other: Line) -> None:
    waiting = asyncio.ensure_future(line.subscribe(10).receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def each_of_many_receivers_gets_a_message_of_its_own(line: Line, other: Line) -> None:
    first, second = line.subscribe(1), line.subscribe(1)
    waiting = [asyncio.ensure_future(s.receive()) for s in (first, second, first, second)]
    await asyncio.sleep(0)
    for number in range(4):
        await line.publish(a_message(str(number)))
    got = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert sorted(message.body for message in got) == [b"0", b"1", b"2", b"3"]


@case
async def a_cancelled_receiver_loses_no_message(line: Line, other: Line) -> None:
    subscription = line.subscribe(1)
    cancelled = asyncio.ensure_future(subscription.receive())
    waiting = asyncio.ensure_future(subscription.receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))
    cancelled.cancel()  # it was woken for the message, and will not take it

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def an_attempt_is_counted_when_a_message_is_handed_out(line: Line, other: Line) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    attempts = []
    for _ in range(3):
        message = await received(subscription)
        attempts.append(message.attempt)
        await subscription.retry(message, 0)

    assert attempts == [1, 2, 3]


@case
async def a_higher_priority_goes_first_and_equals_in_order(line: Line, other: Line) -> None:
    for body, priority in (("1", 0), ("2", -9), ("3", 9), ("4", 0), ("5", 9)):
        await line.publish(a_ranked_message(body, priority))
    subscription = line.subscribe(1)

    assert [(await received(subscription)).body for _ in "12345"] == [b"3", b"5", b"1", b"4", b"2"]


@case
async def a_message_keeps_its_priority_when_it_comes_again(line: Line, other: Line) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_ranked_message("1", 5))
    urgent = await received(subscription)
    await line.publish(a_message("2"))
    await subscription.retry(urgent, 0)
    again = await received(subscription)
    await subscription.release([again])

    assert [again.body, (await received(subscription)).body] == [b"1", b"1"]
    assert (await received(subscription)).body == b"2"


@case
async def a_delayed_message_joins_its_priority(line: Line, other: Line) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_ranked_message("1", 5), 0.05)
    first = await received(subscription)
    await line.publish(a_message("2"))
    await line.publish(a_ranked_message("3", 5))

    assert first.body == b"1"
    assert [(await received(subscription)).body for _ in "23"] == [b"3", b"2"]


@case
async def of_one_key_there_is_one_message_ready_delayed_or_in_hand(line: Line, other: Line) -> None:
    first, second = a_keyed_message("invoice 7"), a_keyed_message("invoice 8")
    subscription = line.subscribe(1)

    assert await line.publish(first) == first.id
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    assert await line.publish(second, 60) == second.id
    assert await line.publish(a_keyed_message("invoice 8")) == second.id
    in_hand = await received(subscription)
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    await subscription.retry(in_hand, 60)
    assert await line.publish(a_keyed_message("invoice 7")) == first.id
    assert await line.info() == Info(0, 2, 0, 0)


@case
async def a_key_is_free_again_once_its_message_is_done_or_dead(line: Line, other: Line) -> None:
    subscription = line.subscribe(1)
    await line.publish(a_keyed_message("invoice 7"))
    await subscription.ack(await received(subscription))
    second, third = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")
    assert await line.publish(second) == second.id
    dead = await received(subscription)
    await subscription.bury(dead, letter(dead, "app:q", Reason.REJECTED, None), other)

    assert await line.publish(third) == third.id
    info = await line.info()
    assert info.ready + info.in_flight == 1


@case
async def a_key_is_of_one_queue(line: Line, other: Line) -> None:
    here, there = a_keyed_message("invoice 7"), a_keyed_message("invoice 7")

    assert (await line.publish(here), await other.publish(there)) == (here.id, there.id)


@case
async def a_key_that_is_there_is_told_of_a_full_line_too(line: Line, other: Line) -> None:
    first = a_keyed_message("invoice 7")
    await line.publish(first)
    for _ in range(MAX_LENGTH - 1):
        await line.publish(a_message())

    assert await line.publish(a_keyed_message("invoice 7")) == first.id


@case
async def many_who_publish_a_key_at_once_hear_one_id(line: Line, other: Line) -> None:
    publishing = [line.publish(a_keyed_message("invoice 7")) for _ in range(50)]

    assert len(set(await asyncio.gather(*publishing))) == 1
    assert (await line.info()).ready == 1


@case
async def an_acked_message_is_gone(line: Line, other: Line) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    await subscription.ack(await received(subscription))

    assert await line.info() == Info(0, 0, 0, 0)


@case
async def info_tells_where_messages_are(line: Line, other: Line) -> None:
    for _ in range(3):
        await line.publish(a_message())
    await line.publish(a_message(), 60)
    subscription = line.subscribe(1)
    await received(subscription)
    dead = await received(subscription)
    await subscription.bury(dead, letter(dead, "app:q", Reason.REJECTED, None), None)

    info = await line.info()
    assert (info.ready + info.delayed + info.in_flight, info.dead) == (3, 1)
    assert info.delayed == 1
    assert info.in_flight >= 1


@case
async def a_delayed_message_does_not_come_early(line: Line, other: Line) -> None:
    subscription = line.subscribe(10)
    began = monotonic()
    await line.publish(a_message("late"), 0.05)
    await line.publish(a_message("soon"))
    first, second = await received(subscription), await received(subscription)

    assert [first.body, second.body] == [b"soon", b"late"]
    assert monotonic() - began >= 0.05


@case
async def delayed_messages_come_in_the_order_of_their_times(line: Line, other: Line) -> None:
    subscription = line.subscribe(10)
    for body, delay in ("3", 0.06), ("1", 0.02), ("2", 0.04):
        await line.publish(a_message(body), delay)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
async def a_retry_waits_for_its_delay(line: Line, other: Line) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    began = monotonic()
    await subscription.retry(await received(subscription), 0.05)
    again = await received(subscription)

    assert monotonic() - began >= 0.05
    assert again.attempt == 2


@case
async def a_released_message_is_first_again_and_spent_no_attempt(line: Line, other: Line) -> None:
    for body in "123":
        await line.publish(a_message(body))
    subscription = line.subscribe(10)
    held = [await received(subscription), await received(subscription)]
    await subscription.release(held)
    again = [await received(subscription) for _ in "123"]

    assert [message.body for message in again] == [b"1", b"2", b"3"]
    assert [message.attempt for message in again] == [1, 1, 1]


@case
async def a_message_is_settled_once(line: Line, other: Line) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.ack(message)
    dead = letter(message, "app:q", Reason.REJECTED, None)
    for settle in (
        subscription.ack(message),
        subscription.retry(message, 0),
        subscription.bury(message, dead, None),
    ):
        with pytest.raises(NotHeld):
            await settle
    await subscription.release([message])

    assert await line.info() == Info(0, 0, 0, 0)


@case
async def an_old_hand_out_cannot_settle_the_new_one(line: Line, other: Line) -> None:
    await line.publish(a_message())
    subscription = line.subscribe(10)
    old = await received(subscription)
    await subscription.retry(old, 0)
    new = await received(subscription)
    with pytest.raises(NotHeld):
        await subscription.ack(old)

    assert new.attempt == 2
    await subscription.ack(new)


@case
async def a_full_line_refuses_at_once_and_takes_again_later(line: Line, other: Line) -> None:
    await line.publish(a_message(), 60)
    for _ in range(MAX_LENGTH - 1):
        await line.publish(a_message())
    subscription = line.subscribe(1)
    message = await received(subscription)
    with pytest.raises(Full, match="holds 5 messages"):
        await line.publish(a_message())
    await subscription.ack(message)

    await line.publish(a_message())
    with pytest.raises(Full):
        await line.publish(a_message(), 60)


@case
async def what_comes_back_needs_no_room(line: Line, other: Line) -> None:
    for _ in range(MAX_LENGTH):
        await line.publish(a_message())
        await other.publish(a_message())
    subscription = line.subscribe(10)
    retried, released, dead = [await received(subscription) for _ in range(3)]
    await subscription.retry(retried, 0)
    await subscription.release([released])
    await subscription.bury(dead, letter(dead, "app:q", Reason.ATTEMPTS, None), other)
    here, there = await line.info(), await other.info()

    assert here.ready + here.delayed + here.in_flight == MAX_LENGTH - 1
    assert there.ready == MAX_LENGTH + 1


@case
async def a_dead_letter_keeps_what_it_was_and_says_why(line: Line, other: Line) -> None:
    sent = a_message("[1]", trace="t")
    await line.publish(sent)
    subscription = line.subscribe(10)
    message = await received(subscription)
    error = ValueError("no number")
    await subscription.bury(message, letter(message, "app:q", Reason.ATTEMPTS, error), None)
    (dead,) = await line.dead_letters()

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
async def a_dead_letter_is_received_from_another_line(line: Line, other: Line) -> None:
    await line.publish(a_message("[1]"))
    subscription = line.subscribe(10)
    message = await received(subscription)
    await subscription.bury(message, letter(message, "app:q", Reason.REJECTED, None), other)
    dead = await received(other.subscribe(10))

    assert (
        dead.body,
        dead.attempt,
        dead.headers["x_dead_letter_reason"],
    ) == (b"[1]", 1, "rejected")
    assert await line.info() == Info(0, 0, 0, 0)


@case
async def a_closed_subscription_receives_nothing_and_still_settles(line: Line, other: Line) -> None:
    await line.publish(a_message("1"))
    await line.publish(a_message("2"))
    subscription = line.subscribe(10)
    held = await received(subscription)
    await subscription.close()
    await subscription.close()
    with pytest.raises(Closed):
        await subscription.receive()
    await subscription.ack(held)
    left = await received(line.subscribe(10))

    assert (left.body, left.attempt) == (b"2", 1)


@case
async def closing_ends_a_wait(line: Line, other: Line) -> None:
    subscription, open_one = line.subscribe(10), line.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)
    await line.publish(a_message("7"))

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def closing_in_the_moment_of_an_arrival_loses_no_message(line: Line, other: Line) -> None:
    subscription, open_one = line.subscribe(10), line.subscribe(10)
    waiting = asyncio.ensure_future(subscription.receive())
    stays = asyncio.ensure_future(open_one.receive())
    await asyncio.sleep(0)
    await line.publish(a_message("7"))
    await subscription.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, SOON)

    assert (await asyncio.wait_for(stays, SOON)).body == b"7"


@case
async def an_empty_line_gives_nothing(line: Line, other: Line) -> None:
    await other.publish(a_message())

    assert await nothing_comes(line.subscribe(10))
