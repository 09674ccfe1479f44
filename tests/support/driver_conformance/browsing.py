"""Looking into a queue takes nothing from it; a purge deletes what waits."""

from __future__ import annotations

from runtime.engines.queue.browsing import BrowsableQueue, Browsed
from runtime.engines.queue.driver_queue import DriverQueue, Info
from runtime.engines.queue.message import Message, next_id
from tests.support.driver_conformance.messages import bodies, publish, received, shows
from tests.support.driver_conformance.partitions import publish_for, take_all, with_partitions
from tests.support.driver_conformance.suite import MAX_LENGTH, NEVER, case, needs


async def browse(
    queue: DriverQueue, state: str = "ready", limit: int = 10, after: str | None = None
) -> list[Browsed]:
    assert isinstance(queue, BrowsableQueue)
    return [*await queue.browse(state, limit, after)]


async def texts(queue: DriverQueue, found: list[Browsed]) -> list[bytes | None]:
    assert isinstance(queue, BrowsableQueue)
    return [await queue.body(each.id) for each in found]


@case
@needs("tasks", "priority")
async def the_messages_of_a_queue_are_seen_in_their_order_and_stay(
    queue: DriverQueue, other: DriverQueue
) -> None:
    await publish(queue, "12")
    await publish(other, "9")
    urgent = Message(next_id(), b"[3]", {"tenant": "acme"}, priority=5)
    await queue.publish(urgent)
    found = await browse(queue)

    assert await texts(queue, found) == [b"[3]", b"1", b"2"]
    assert (found[0].id, found[0].priority, found[0].size) == (urgent.id, 5, 3)
    assert found[0].headers == {"tenant": "acme"}
    assert (found[0].attempt, found[0].due) == (0, None)
    assert await shows(queue, Info(3, 0, 0, 0))
    assert await bodies(queue.subscribe(1), 3) == ["[3]", "1", "2"]


@case
@needs("tasks", "priority")
async def a_page_of_messages_goes_on_behind_the_last(queue: DriverQueue) -> None:
    for number, priority in enumerate((0, 7, 0, 7)):
        await queue.publish(Message(next_id(), str(number).encode(), {}, priority=priority))
    first = await browse(queue, limit=3)
    second = await browse(queue, limit=3, after=first[-1].id)

    assert await texts(queue, [*first, *second]) == [b"1", b"3", b"0", b"2"]
    assert await browse(queue, after=second[-1].id) == []
    assert await browse(queue, after="nobody") == []


@case
@needs("tasks", "delay")
async def delayed_and_running_messages_are_seen_too(queue: DriverQueue) -> None:
    await publish(queue, "1")
    await queue.publish(Message(next_id(), b"3"), 2 * NEVER)
    await queue.publish(Message(next_id(), b"2"), NEVER)
    running = await received(queue.subscribe(1))
    delayed = await browse(queue, "delayed")

    assert await browse(queue) == []
    assert await texts(queue, delayed) == [b"2", b"3"]
    assert delayed[0].due is not None
    assert delayed[1].due is not None
    assert NEVER - 60 < delayed[1].due - delayed[0].due < NEVER + 60
    (seen,) = await browse(queue, "running")
    assert (seen.id, seen.attempt) == (running.id, 1)
    behind = await browse(queue, "delayed", after=delayed[0].id)
    assert await texts(queue, behind) == [b"3"]


@case
@needs("tasks", "concurrency_by")
async def what_waits_for_others_of_its_key_is_seen_behind_the_others(queue: DriverQueue) -> None:
    await publish_for(queue, "aaba")
    subscription = with_partitions(queue)
    await take_all(queue, subscription)
    await subscription.close()  # or it could have the next one
    await publish_for(queue, "c")
    found = await browse(queue)

    assert [(each.headers["x-tenant"], each.parked) for each in found] == [
        ("c", False),
        ("a", True),
        ("a", True),
    ]
    for limit in (1, 2):
        behind = await browse(queue, limit=limit, after=found[limit - 1].id)
        assert behind == found[limit : 2 * limit]
    assert await browse(queue, after=found[-1].id) == []


@case
@needs("tasks", "delay")
async def a_purge_deletes_what_waits_and_nothing_else(
    queue: DriverQueue, other: DriverQueue
) -> None:
    assert isinstance(queue, BrowsableQueue)
    await publish(queue, "1")
    subscription = queue.subscribe(1)
    running = await received(subscription)
    await publish(queue, "23")
    await publish(other, "9")
    await queue.publish(Message(next_id(), b"4", unique="k"), NEVER)

    assert await queue.purge("ready") == 2
    assert await shows(queue, Info(0, 1, 1, 0))
    assert await shows(other, Info(1, 0, 0, 0))
    assert await queue.purge("delayed") == 1
    assert await queue.purge("delayed") == 0
    again = Message(next_id(), b"5", unique="k")
    assert await queue.publish(again) == again.id
    await subscription.ack(running)
    assert (await received(subscription)).id == again.id


@case
@needs("tasks")
async def a_purge_makes_room(queue: DriverQueue) -> None:
    assert isinstance(queue, BrowsableQueue)
    await publish(queue, "1" * MAX_LENGTH)

    assert await queue.purge("ready") == MAX_LENGTH
    await publish(queue, "2" * MAX_LENGTH)
    assert len(await browse(queue, limit=MAX_LENGTH)) == MAX_LENGTH


@case
@needs("tasks")
async def the_body_of_a_message_that_is_gone_is_none(queue: DriverQueue) -> None:
    assert isinstance(queue, BrowsableQueue)
    message = Message(next_id(), b"1")
    await queue.publish(message)
    subscription = queue.subscribe(1)
    await subscription.ack(await received(subscription))

    assert await queue.body(message.id) is None
