"""Messages pass unchanged, and queues do not touch each other."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engines.queue.backlog import measure
from runtime.engines.queue.driver_queue import DriverQueue, Full, Info
from runtime.engines.queue.message import Message, next_id
from runtime.engines.queue.queue import Queue
from tests.support.consuming import AT_ONCE
from tests.support.driver_conformance.messages import (
    a_message,
    bodies,
    dead_letter,
    holds,
    publish,
    received,
    shows,
)
from tests.support.driver_conformance.suite import Harness, case, needs


@case
async def messages_come_in_the_order_they_were_published(queue: DriverQueue) -> None:
    for body in "123":
        await queue.publish(a_message(body))
    subscription = queue.subscribe(10)

    assert [(await received(subscription)).body for _ in "123"] == [b"1", b"2", b"3"]


@case
async def a_message_keeps_id_body_and_headers(queue: DriverQueue) -> None:
    sent = a_message('{"text": "añ😀"}', trace="ü")
    await queue.publish(sent)
    got = await received(queue.subscribe(10))

    assert (sent.id, '{"text": "añ😀"}', {"trace": "ü"}) == (
        got.id,
        got.body.decode(),
        dict(got.headers),
    )


@case
async def a_body_of_a_mebibyte_passes(queue: DriverQueue) -> None:
    body = '"' + "x" * 2**20 + '"'
    await queue.publish(a_message(body))

    assert body == (await received(queue.subscribe(10))).body.decode()


@case
async def a_body_passes_byte_for_byte(queue: DriverQueue) -> None:
    sent = [
        '{"a" : 1.0e5,\n "b":"\\u0000\\ud83d\\ude00"}',
        "null",
        '""',
        " 1 ",
        "[" * 90 + "]" * 90,
    ]
    await publish(queue, sent)

    assert await bodies(queue.subscribe(10), 5) == sent


@case
async def headers_pass_as_they_are(queue: DriverQueue) -> None:
    headers = {f"n{number}": "x" * number for number in range(100)}
    headers |= {"": "", "Case": "1", "case": "2", "quote\"'": "\\", "queue": "a\r\n\0b", "añ": "😀"}
    await queue.publish(Message(next_id(), b"1", headers))
    await queue.publish(Message(next_id(), b"2"))
    subscription = queue.subscribe(10)

    assert dict((await received(subscription)).headers) == headers
    assert dict((await received(subscription)).headers) == {}


@case
async def a_retried_message_is_the_same_one(queue: DriverQueue) -> None:
    sent = Message(next_id(), b"[1]", {"trace": "t"}, 0, 1234.5)
    await queue.publish(sent)
    subscription = queue.subscribe(10)
    await subscription.retry(await received(subscription), 0)
    again = await received(subscription)

    assert (again.id, again.body, dict(again.headers), again.published) == (
        sent.id,
        b"[1]",
        {"trace": "t"},
        1234.5,
    )


@case
async def equal_bodies_are_different_messages(queue: DriverQueue) -> None:
    await publish(queue, "77")
    subscription = queue.subscribe(10)
    first, second = await received(subscription), await received(subscription)
    await subscription.ack(first)

    assert first.id != second.id
    assert await holds(queue, 1)


@case
@needs("delay", "info")
async def info_tells_where_messages_are(queue: DriverQueue) -> None:
    for _ in range(3):
        await queue.publish(a_message())
    await queue.publish(a_message(), 60)
    subscription = queue.subscribe(1)
    await received(subscription)
    dead = await received(subscription)
    await subscription.bury(dead, dead_letter(dead), None)

    info = await queue.info()
    assert (info.ready + info.delayed + info.in_flight, info.dead) == (3, 1)
    assert info.delayed == 1
    assert info.in_flight >= 1

    rules: dict[str, Any] = {"max_attempts": 3, "max_requeues": 3}
    found = await measure(Queue("app:q", queue, AT_ONCE, **rules))
    numbers = (found.ready, found.delayed, found.in_flight, found.dead)
    assert numbers == (info.ready, info.delayed, info.in_flight, info.dead)
    assert (found.oldest is None) == (found.ready == 0)


@case
async def an_empty_queue_says_so(queue: DriverQueue) -> None:
    assert await shows(queue, Info(0, 0, 0, 0))
    assert list(await queue.dead_letters()) == []


@case
async def many_queues_of_one_driver_do_not_touch_each_other(harness: Harness) -> None:
    names = [f"queue {number}" for number in range(20)] + [
        "ü",
        "a'b\"c",
        "a/b",
        "QUEUE 1",
        "%",
        "x" * 99,
    ]
    queues = [harness.declare(name) for name in names]
    for queue in queues:
        await publish(queue, [f'"{queue.name.encode().hex()}"'] * 2)

    for queue in queues:
        assert queue.name in names
        assert await bodies(queue.subscribe(10), 2) == [f'"{queue.name.encode().hex()}"'] * 2
        assert await holds(queue, 2)


@case
@needs("exact_length")
async def a_queue_declared_again_keeps_its_messages_and_takes_the_new_length(
    harness: Harness,
) -> None:
    await publish(harness.declare("queue", 2), "12")
    queue = harness.declare("queue", 3)
    await publish(queue, "3")
    with pytest.raises(Full):
        await publish(queue, "4")

    assert await bodies(queue.subscribe(10), 3) == ["1", "2", "3"]
