"""The acks of a batch, which are asked for together and waited for together."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.driver_queue import Info, NotHeld
from runtime.engines.queue.memory.subscription import MemorySubscription
from runtime.engines.queue.message import Message
from runtime.modules import queue as module
from runtime.telemetry import Telemetry
from tests.support.consuming import SOON, a_queue, consuming, empty, run, until
from tests.support.listening import Recorder

OPTIONS: dict[str, Any] = {"batching": Batching(size=4, wait=0.0), "prefetch": 100}


class Acks:
    """Ends the acks that nobody waits for by itself: the futures, in the order of the messages."""

    def __init__(self) -> None:
        self.asked: list[tuple[MemorySubscription, Message, asyncio.Future[None]]] = []

    def nowait(self, subscription: MemorySubscription, message: Message) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked.append((subscription, message, future))
        return future

    async def end(self, number: int, error: Exception | None = None) -> None:
        subscription, message, future = self.asked[number]
        if error is None:
            await subscription.ack(message)
            future.set_result(None)
        else:
            future.set_exception(error)


@pytest.fixture
def acks(monkeypatch: pytest.MonkeyPatch) -> Acks:
    acks = Acks()
    monkeypatch.setattr(
        MemorySubscription, "ack_nowait", lambda self, message: acks.nowait(self, message)
    )
    return acks


async def take_all(bodies: list[Any]) -> None:
    pass


def test_the_next_batch_waits_for_the_acks_of_this_one(acks: Acks) -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []

        async def handler(bodies: list[Any]) -> None:
            got.append(bodies)

        await queue.publish_many(range(5))
        async with consuming(queue, handler, **OPTIONS):
            await until(lambda: len(acks.asked) == 3)
            await acks.end(2)
            await acks.end(0)
            assert got == [[0, 1, 2, 3]]
            await acks.end(1)
            await until(lambda: len(got) == 2)

        assert got[1] == [4]
        assert await queue.info() == Info(0, 0, 0, 0)

    run(test)


def test_telemetry_hears_of_the_end_of_each_message_within_the_span_of_its_batch() -> None:
    async def test() -> None:
        queue, recorder = a_queue(), Recorder()
        own: Any = queue.driver_queue

        async def handler(bodies: list[Any]) -> None:
            own.delete(module.messages()[1].message)

        ids = await queue.publish_many(range(3))
        async with consuming(queue, handler, telemetry=Telemetry(recorder), **OPTIONS):
            await empty(queue)

        told = {fields["message_id"]: fields["outcome"] for _, _, _, fields in recorder.events}
        assert told == dict(zip(ids, ("ack", "lost", "ack"), strict=True))
        assert len(recorder.events) == 3
        assert {span for _, _, span, _ in recorder.events} == {*recorder.ended}

    run(test)


@pytest.mark.parametrize("number", [0, 3], ids=["at once", "of the last"])
def test_a_message_that_is_held_no_more_is_told_and_the_others_are_acked(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        queue = a_queue()
        own: Any = queue.driver_queue

        async def handler(bodies: list[Any]) -> None:
            own.delete(module.messages()[number].message)

        ids = await queue.publish_many(range(4))
        async with consuming(queue, handler, **OPTIONS):
            await asyncio.wait_for(own.join(), SOON)

        assert await queue.info() == Info(0, 0, 0, 0)
        (warning,) = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert f"message {ids[number]} was no longer held" in warning.getMessage()

    run(test)


def test_a_message_that_is_lost_while_its_ack_is_written_is_told(
    acks: Acks, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        queue = a_queue()
        ids = await queue.publish_many(range(4))
        async with consuming(queue, take_all, **OPTIONS):
            await until(lambda: len(acks.asked) == 3)
            await acks.end(0)
            await acks.end(1, NotHeld("it is gone"))
            await acks.end(2)
            await until(lambda: bool(caplog.records))

        (warning,) = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert f"message {ids[1]} was no longer held" in warning.getMessage()

    run(test)


def test_an_error_of_the_driver_ends_the_consumer_and_gives_the_others_back(acks: Acks) -> None:
    async def test() -> None:
        queue = a_queue()
        await queue.publish_many(range(4))
        with pytest.raises(ConnectionError, match="the broker is gone"):
            async with consuming(queue, take_all, **OPTIONS) as consumer:
                await until(lambda: len(acks.asked) == 3)
                await acks.end(0)
                await acks.end(1, ConnectionError("the broker is gone"))
                acks.asked[2][2].cancel()
                await asyncio.wait_for(consumer.task, SOON)

        assert await queue.info() == Info(2, 0, 0, 0)

    run(test)


def test_a_consumer_that_is_cancelled_releases_what_is_being_acked(acks: Acks) -> None:
    async def test() -> None:
        queue = a_queue()
        await queue.publish_many(range(4))
        async with consuming(queue, take_all, **OPTIONS) as consumer:
            await until(lambda: len(acks.asked) == 3)
            await acks.end(0)
            consumer.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer.task

        assert await queue.info() == Info(2, 0, 0, 0)

    run(test)
