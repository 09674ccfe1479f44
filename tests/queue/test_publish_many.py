"""publish_many: bodies that are checked, encoded and published together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.codec import NotJSON
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.driver_queue import Full, Info
from runtime.engines.queue.memory.queue import MemoryQueue
from runtime.engines.queue.message import Message
from runtime.engines.queue.publication import WINDOW, publish_all
from runtime.engines.queue.queue import Queue
from runtime.entry_id import EntryId
from runtime.handlers.context import Call, current
from runtime.modules import queue
from runtime.telemetry import Telemetry
from tests.support.consuming import AT_ONCE, a_queue, run, scope_of
from tests.support.listening import Recorder


class Run:
    def __init__(self) -> None:
        self.log_ids = {"run": 1}

    def become_async(self) -> None: ...


class Broker:
    """A driver's queue that takes one message after the other, and only so many of them."""

    def __init__(self, room: int) -> None:
        self.taken: list[bytes] = []
        self._room = room

    async def publish(self, message: Message, *_: object) -> str:
        if len(self.taken) == self._room:
            raise Full
        self.taken.append(message.body)
        return message.id


def test_the_ids_are_in_the_order_of_the_bodies() -> None:
    async def test() -> None:
        tasks = a_queue("q")
        current.set(Call(EntryId("app", "create"), scope_of(tasks), Run()))
        ids = await queue.publish_many("q", ({"n": n} for n in range(3)), {"a": "b"}, priority=2)
        subscription = tasks.driver_queue.subscribe(1)
        got = [await subscription.receive() for _ in ids]

        assert [each.id for each in got] == ids
        assert [each.body for each in got] == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
        assert {(each.headers["a"], each.priority) for each in got} == {("b", 2)}

    run(test)


def test_nothing_is_published_if_one_body_is_not_json() -> None:
    async def test() -> None:
        tasks = a_queue("q")
        with pytest.raises(NotJSON, match=r"bodies\[1\]\.when is of type set"):
            await tasks.publish_many([{"when": 1}, {"when": {1}}])

        assert await tasks.info() == Info(0, 0, 0, 0)

    run(test)


def test_nothing_is_published_if_one_body_does_not_fit_the_consumers() -> None:
    def decode(data: bytes) -> object:
        if data == b"2":
            raise InvalidBody("#: must be odd")
        return data

    async def test() -> None:
        tasks = a_queue("q")
        tasks.checks = [("app:odd", decode)]
        with pytest.raises(InvalidBody, match=r"bodies\[1\] does not fit 'app:odd': #: must be"):
            await tasks.publish_many([1, 2])

        assert await tasks.info() == Info(0, 0, 0, 0)

    run(test)


@pytest.mark.parametrize("bodies", ["ab", b"ab", {"a": 1}, 7])
def test_what_is_no_list_of_bodies_is_refused(bodies: Any) -> None:
    async def test() -> None:
        with pytest.raises(TypeError, match="give a list of them, or one body to 'publish'"):
            await a_queue("q").publish_many(bodies)

    run(test)


def test_no_bodies_are_nothing_to_publish() -> None:
    async def test() -> None:
        assert await a_queue("q").publish_many([]) == []

    run(test)


def test_a_full_queue_says_that_none_was_accepted() -> None:
    async def test() -> None:
        tasks = a_queue("q", max_length=2)
        with pytest.raises(Full, match="'app:q' has accepted 0 of 3 messages: it has no room"):
            await tasks.publish_many([1, 2, 3])

    run(test)


def test_a_broker_tells_how_many_it_accepted_and_is_sent_no_more() -> None:
    async def test() -> None:
        broker: Any = Broker(WINDOW + 5)
        messages = [Message(str(n), b"%d" % n) for n in range(3 * WINDOW)]
        with pytest.raises(Full) as refused:
            await publish_all(broker, messages, 0.0, None)

        assert refused.value.accepted == len(broker.taken) == WINDOW + 5

    run(test)


def test_others_have_their_turn_while_many_bodies_are_encoded() -> None:
    async def test() -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        other = asyncio.create_task(others())
        await a_queue("q", max_length=10_000).publish_many(range(10_000))
        other.cancel()

        assert turns >= 99

    run(test)


def test_many_publish_in_one_span_that_all_of_them_carry() -> None:
    recorder = Recorder()

    async def test() -> None:
        telemetry = Telemetry(recorder)
        rules: dict[str, Any] = {"max_attempts": 3, "max_requeues": 10, "telemetry": telemetry}
        tasks = Queue("app:q", MemoryQueue("q", 10), AT_ONCE, **rules)
        await tasks.publish_many([1, 2])
        subscription = tasks.driver_queue.subscribe(1)
        carried = {(await subscription.receive()).headers.get("traceparent") for _ in "12"}

        (span,) = [each for each in recorder.ended if each.name == "queue.publish"]
        assert span.attributes["messaging.batch.message_count"] == 2
        assert carried == {span.traceparent}

    run(test)


def test_what_needs_less_room_comes_in_when_the_first_in_line_gives_up() -> None:
    async def test() -> None:
        tasks = a_queue("q", max_length=3)
        driver: Any = tasks.driver_queue
        driver.overflow.timeout = 60.0
        await tasks.publish_many([1, 2])
        large = asyncio.create_task(tasks.publish_many([3, 4, 5]))
        small = asyncio.create_task(tasks.publish(6))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not small.done()
        large.cancel()

        assert await small
        assert await tasks.info() == Info(3, 0, 0, 0)

    run(test)
