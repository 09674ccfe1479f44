"""Single messages are found in every state, cancelled in time, and kept after their end."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.status import Record
from runtime.engines.queue.tracked_queue import TrackedQueue, TrackedSubscription
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_keyed_message,
    a_message,
    dead_letter,
    lost,
    nothing_else,
    received,
    shows,
)
from tests.support.driver_conformance.suite import NEVER, ROOM, Harness, case, needs


def tracked(queue: DriverQueue) -> TrackedQueue:
    assert isinstance(queue, TrackedQueue)
    return queue


async def found(queue: DriverQueue, message: Message) -> Record:
    record = await tracked(queue).find(message.id)
    assert record is not None
    assert record.id == message.id
    return record


async def in_hand(queue: DriverQueue) -> tuple[Message, TrackedSubscription]:
    """A message that was just received, and its subscription."""
    await queue.publish(a_message())
    subscription = queue.subscribe(1)
    assert isinstance(subscription, TrackedSubscription)
    return await received(subscription), subscription


@case
@needs("tasks")
async def a_message_is_found_in_every_state(queue: DriverQueue) -> None:
    message, later = a_message(), a_message()
    await queue.publish(message)
    await queue.publish(later, NEVER)
    waiting, delayed = await found(queue, message), await found(queue, later)
    subscription = queue.subscribe(1)
    held = await received(subscription)
    running = await found(queue, message)
    await subscription.retry(held, NEVER, "ValueError: no number")
    retrying = await found(queue, message)

    assert (waiting.state, waiting.attempt, waiting.started, waiting.due) == (
        "ready",
        0,
        None,
        None,
    )
    assert delayed.state == "delayed"
    assert delayed.due is not None
    assert (running.state, running.attempt, running.error) == ("running", 1, None)
    assert running.started is not None
    assert (retrying.state, retrying.attempt) == ("delayed", 1)
    assert retrying.error == "ValueError: no number"
    assert retrying.due is not None


@case
@needs("tasks")
async def a_dead_letter_is_found_with_its_headers(queue: DriverQueue) -> None:
    message, subscription = await in_hand(queue)
    letter = dead_letter(message, error=ValueError("no"))
    await subscription.bury(message, letter, None)  # type: ignore[attr-defined]
    record = await found(queue, message)

    assert record.state == "dead"
    assert record.headers == letter.headers


@case
@needs("tasks")
async def what_is_not_there_is_not_found(queue: DriverQueue, other: DriverQueue) -> None:
    message, subscription = await in_hand(queue)
    elsewhere = await tracked(other).find(message.id)
    await subscription.finish(message, None)

    assert elsewhere is None
    assert await tracked(queue).find(message.id) is None
    assert await tracked(queue).cancel(message.id) is None


@case
@needs("tasks")
async def a_message_that_waits_is_gone_once_it_is_cancelled(harness: Harness) -> None:
    queue = harness.declare("two", 2)
    ready, later = a_keyed_message("k"), a_message()
    await queue.publish(ready)
    await queue.publish(later, NEVER)
    ends = [await tracked(queue).cancel(each.id) for each in (ready, later)]
    again = await queue.publish(a_keyed_message("k"))

    assert [end.state for end in ends if end] == ["cancelled", "cancelled"]
    assert again != ready.id
    assert (await found(queue, ready)).ended is not None
    await received(subscription := queue.subscribe(1))
    assert await nothing_else(queue, subscription)
    assert await shows(queue, Info(0, 0, 2, 0))


@case
@needs("tasks")
async def whoever_has_a_cancelled_message_in_hand_is_told(queue: DriverQueue) -> None:
    message, subscription = await in_hand(queue)
    told: list[str] = []
    subscription.on_cancel = told.append
    record = await tracked(queue).cancel(message.id)
    await subscription.cancel(message)

    assert record is not None
    assert (record.state, record.cancelling) == ("running", True)
    assert told == [message.id]
    assert (await found(queue, message)).state == "cancelled"
    await lost(subscription.cancel(message))
    assert await nothing_else(queue, queue.subscribe(1))


@case
@needs("tasks")
async def a_cancelled_message_is_neither_retried_nor_released(queue: DriverQueue) -> None:
    for give_back in ("retry", "retry later", "release"):
        message, subscription = await in_hand(queue)
        await tracked(queue).cancel(message.id)
        match give_back:
            case "retry":
                await subscription.retry(message, 0)  # type: ignore[attr-defined]
            case "retry later":
                await subscription.retry(message, NEVER)  # type: ignore[attr-defined]
            case "release":
                await subscription.release([message])  # type: ignore[attr-defined]

        assert (await found(queue, message)).state == "cancelled"
    assert await shows(queue, Info(0, 0, 0, 0))


@case
@needs("tasks")
async def a_cancelled_message_that_was_done_after_all_is_done(queue: DriverQueue) -> None:
    tracked(queue).retention = NEVER
    message, subscription = await in_hand(queue)
    await tracked(queue).cancel(message.id)
    await subscription.finish(message, b"7")
    record = await tracked(queue).cancel(message.id)

    assert record is not None
    assert (record.state, record.result) == ("done", b"7")


@case
@needs("tasks", "dead_letters")
async def a_dead_letter_stays_one_when_it_is_cancelled(queue: DriverQueue) -> None:
    message, subscription = await in_hand(queue)
    await tracked(queue).cancel(message.id)
    await subscription.bury(message, dead_letter(message), None)  # type: ignore[attr-defined]
    record = await tracked(queue).cancel(message.id)
    (letter,) = await queue.dead_letters()
    await queue.requeue(letter, Message(message.id, b"2"), queue)
    again = queue.subscribe(1)
    await again.retry(await received(again), NEVER)

    assert record is not None
    assert record.state == "dead"
    assert (await found(queue, message)).state == "delayed"


@case
@needs("tasks")
async def progress_is_that_which_was_noted_last(queue: DriverQueue) -> None:
    message, subscription = await in_hand(queue)
    gone, others = await in_hand(queue)
    await others.finish(gone, None)
    for text in ("1", "2"):
        subscription.note({message: text, gone: text})
    async with asyncio.timeout(SOON):
        while (await found(queue, message)).progress != "2":  # noqa: ASYNC110
            await asyncio.sleep(0)

    assert await tracked(queue).find(gone.id) is None


@case
@needs("tasks")
async def what_is_done_is_kept_with_its_result(harness: Harness) -> None:
    queue = harness.declare("kept", ROOM)
    tracked(queue).retention = NEVER
    message, subscription = await in_hand(queue)
    await subscription.finish(message, b'{"sum": 3}')
    quiet, others = await in_hand(queue)
    await others.ack(quiet)  # type: ignore[attr-defined]
    done, without = await found(queue, message), await found(queue, quiet)

    assert (done.state, done.result, done.attempt) == ("done", b'{"sum": 3}', 1)
    assert done.ended is not None
    assert (without.state, without.result) == ("done", None)
    assert await shows(queue, Info(0, 0, 0, 0))


@case
@needs("tasks")
async def what_is_kept_for_long_enough_is_not_found(harness: Harness) -> None:
    queue = harness.declare("kept_shortly", ROOM)
    tracked(queue).retention = 1e-6
    message, subscription = await in_hand(queue)
    await subscription.finish(message, b"1")

    assert await tracked(queue).find(message.id) is None
    assert await tracked(queue).cancel(message.id) is None


@case
@needs("tasks")
async def a_driver_that_does_not_run_finds_and_cancels_too(harness: Harness) -> None:
    queue = harness.declare("stopped", ROOM)
    message, other = a_message("1"), a_message("2")
    await queue.publish(message)
    await queue.publish(other)
    await harness.stop()
    record = await tracked(queue).cancel(message.id)
    await harness.start()

    assert record is not None
    assert record.state == "cancelled"
    assert (await received(queue.subscribe(1))).id == other.id
