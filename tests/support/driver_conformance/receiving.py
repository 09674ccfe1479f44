"""Receivers get each message once, in order, and no more than they may claim ahead."""

from __future__ import annotations

import asyncio

from runtime.engines.queue.driver_queue import Closed, DriverQueue, Info, Subscription
from tests.support.consuming import SOON
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import MAX_LENGTH, ROOM, Harness, case, needs


@case
async def a_waiting_receiver_gets_what_is_published(queue: DriverQueue) -> None:
    waiting = asyncio.ensure_future(queue.subscribe(10).receive())
    await asyncio.sleep(0)
    await queue.publish(a_message("7"))

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def each_of_many_receivers_gets_a_message_of_its_own(queue: DriverQueue) -> None:
    first, second = queue.subscribe(1), queue.subscribe(1)
    waiting = [asyncio.ensure_future(s.receive()) for s in (first, second, first, second)]
    await asyncio.sleep(0)
    for number in range(4):
        await queue.publish(a_message(str(number)))
    got = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert sorted(message.body for message in got) == [b"0", b"1", b"2", b"3"]


@case
async def a_cancelled_receiver_loses_no_message(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    cancelled = asyncio.ensure_future(subscription.receive())
    waiting = asyncio.ensure_future(subscription.receive())
    await asyncio.sleep(0)
    await queue.publish(a_message("7"))
    cancelled.cancel()  # it was woken for the message, and will not take it
    await asyncio.wait([cancelled])
    if not cancelled.cancelled():  # a server may have delivered it before it confirmed it
        waiting.cancel()
        waiting = cancelled

    assert (await asyncio.wait_for(waiting, SOON)).body == b"7"


@case
async def receivers_that_are_cancelled_in_a_burst_leave_it_to_the_others(
    queue: DriverQueue,
) -> None:
    subscription = queue.subscribe(2)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(2 * MAX_LENGTH)]
    await asyncio.sleep(0)
    await publish(queue, range(MAX_LENGTH))
    for receiver in waiting[::2]:
        receiver.cancel()
    await asyncio.wait(waiting[::2])
    taken = [receiver.result() for receiver in waiting[::2] if not receiver.cancelled()]
    rest = [receiver for receiver in waiting[1::2]]
    while len(taken) < MAX_LENGTH:
        done, _ = await asyncio.wait(rest, timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
        assert done, "a message was lost"
        taken += [receiver.result() for receiver in done]
        rest = [receiver for receiver in rest if receiver not in done]
    await subscription.close()
    ended = await asyncio.gather(*rest, return_exceptions=True)

    assert sorted(message.body for message in taken) == [b"0", b"1", b"2", b"3", b"4"]
    assert [type(error) for error in ended] == [Closed] * len(rest)


@case
async def a_wait_that_was_given_up_takes_nothing_with_it(queue: DriverQueue) -> None:
    subscription = queue.subscribe(10)
    for _ in range(3):
        waiting = asyncio.ensure_future(subscription.receive())
        await queue.info()  # long enough to be waiting
        waiting.cancel()
        await asyncio.wait([waiting])
    await publish(queue, "7")

    message = await received(subscription)
    assert (message.body, message.attempt) == (b"7", 1)


@case
async def the_order_holds_at_every_prefetch(harness: Harness) -> None:
    for prefetch in (0, 1, 2, 3, 100):
        queue = harness.declare(f"queue{prefetch}", ROOM)
        await publish(queue, range(50))
        subscription = queue.subscribe(prefetch)
        got = []
        for _ in range(50):
            message = await received(subscription)
            got.append(int(message.body))
            await subscription.ack(message)

        assert got == list(range(50))


@case
@needs("info")
async def no_more_than_the_prefetch_is_claimed_ahead(queue: DriverQueue) -> None:
    await publish(queue, range(5))
    subscription = queue.subscribe(2)
    await subscription.ack(await received(subscription))
    await received(subscription)

    for _ in range(5):  # it may be claiming
        assert (await queue.info()).in_flight <= 2


@case
@needs("info")
async def with_a_prefetch_of_0_nothing_is_claimed_that_nobody_receives(queue: DriverQueue) -> None:
    await publish(queue, range(5))
    subscription = queue.subscribe(0)
    for held in range(1, 4):
        await received(subscription)
        for _ in range(3):  # it may be claiming
            assert (await queue.info()).in_flight == held


@case
async def more_receivers_than_the_prefetch_are_all_served(queue: DriverQueue) -> None:
    subscription = queue.subscribe(1)
    waiting = [asyncio.ensure_future(subscription.receive()) for _ in range(5)]
    await asyncio.sleep(0)
    await publish(queue, range(5))
    got = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert sorted(message.body for message in got) == [b"0", b"1", b"2", b"3", b"4"]


@case
async def what_one_subscription_did_not_claim_is_there_for_another(queue: DriverQueue) -> None:
    await publish(queue, range(5))
    slow, quick = queue.subscribe(1), queue.subscribe(10)
    first = await received(slow)

    assert first.body == b"0"
    assert await bodies(quick, 4) == ["1", "2", "3", "4"]


@case
async def a_burst_is_received_once_by_whoever_takes_it(harness: Harness) -> None:
    queue = harness.declare("burst", ROOM)
    subscriptions = [queue.subscribe(prefetch) for prefetch in (1, 7, 50)]
    seen: list[bytes] = []

    async def work(subscription: Subscription) -> None:
        while True:
            try:
                message = await subscription.receive()
            except Closed:
                return
            seen.append(message.body)
            await subscription.ack(message)
            if len(seen) == 300:
                await asyncio.gather(*(each.close() for each in subscriptions))

    workers = [asyncio.ensure_future(work(each)) for each in subscriptions for _ in range(3)]
    await asyncio.gather(*(publish(queue, range(start, start + 30)) for start in range(0, 300, 30)))
    await asyncio.wait_for(asyncio.gather(*workers), SOON)

    assert sorted(map(int, seen)) == list(range(300))
    assert await shows(queue, Info(0, 0, 0, 0))
