"""Batches: gathered, called with a list of bodies, and settled each by itself or together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from runtime.engines.queue.batch import Batching
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.engines.queue.outcome import Reject, Retry
from runtime.engines.queue.queue import Queue
from runtime.modules import queue as module
from runtime.modules.sync import queue as blocking
from tests.support.clock import FakeClock
from tests.support.consuming import SOON, a_queue, consuming, dead_of, empty, run, until

LONG = 3600.0


def by(size: int, wait: float = 0.0, **options: Any) -> dict[str, Any]:
    return {"batching": Batching(size=size, wait=wait), "prefetch": 100, **options}


async def handled(queue: Queue, handler: Callable[..., Any], bodies: Any, **options: Any) -> None:
    """Have these bodies handled, which are there before the consumer is."""
    await queue.publish_many(bodies)
    async with consuming(queue, handler, **options):
        await empty(queue)


def test_the_handler_gets_the_bodies_and_the_messages_in_one_order() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []

        async def handler(bodies: list[Any]) -> None:
            got.append((bodies, [each.id for each in module.messages()]))

        ids = await queue.publish_many(range(5))
        async with consuming(queue, handler, **by(2)):
            await empty(queue)

        assert got == [([0, 1], ids[:2]), ([2, 3], ids[2:4]), ([4], ids[4:])]

    run(test)


def test_a_batch_waits_for_more_until_it_is_full() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []

        async def handler(bodies: list[Any]) -> None:
            got.append(bodies)

        async with consuming(queue, handler, **by(3, LONG)):
            for body in range(3):
                await queue.publish(body)
            await empty(queue)

        assert got == [[0, 1, 2]]

    run(test)


def test_a_batch_goes_with_fewer_when_its_wait_is_over() -> None:
    async def test() -> None:
        fake = FakeClock()
        queue = a_queue()
        got: list[Any] = []

        async def handler(bodies: list[Any]) -> None:
            got.append(bodies)

        async with consuming(queue, handler, clock=fake.clock, **by(3, 2.0)):
            await queue.publish(1)
            await until(lambda: fake.timers > 0)
            await queue.publish(2)
            await until(lambda: len(queue.driver_queue.ready) == 0)  # type: ignore[attr-defined]
            await fake.advance(2.0)
            await empty(queue)

        assert got == [[1, 2]]
        assert fake.timers == 0

    run(test)


@pytest.mark.parametrize(
    ("end", "dead"),
    [
        (lambda: False, ("attempts", "returned False or was nacked", "2")),
        (lambda: 1 / 0, ("attempts", "ZeroDivisionError: division by zero", "2")),
        (lambda: Reject("no"), ("rejected", "Reject: no", "1")),
        (lambda: Retry("0s"), ("attempts", "Retry: try again after 0s", "2")),
    ],
    ids=["False", "an error", "Reject", "Retry"],
)
def test_what_is_not_settled_ends_as_the_call_does(
    end: Callable[[], Any], dead: tuple[str, str, str]
) -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=2)

        async def handler(bodies: list[Any]) -> Any:
            for message, body in zip(module.messages(), bodies, strict=True):
                if body == "fine":
                    await message.ack()
            return end()

        await handled(queue, handler, ["a", "fine", "b"], **by(10))

        assert await dead_of(queue) == [dead, dead]

    run(test)


def test_each_message_can_be_nacked_by_itself() -> None:
    async def test() -> None:
        queue = a_queue()
        attempts: list[tuple[Any, int]] = []

        async def handler(bodies: list[Any]) -> None:
            for message, body in zip(module.messages(), bodies, strict=True):
                attempts.append((body, message.attempt))
                if body == 2 and message.attempt == 1:
                    await message.nack(0)

        await handled(queue, handler, [1, 2, 3], **by(10))

        assert attempts == [(1, 1), (2, 1), (3, 1), (2, 2)]

    run(test)


def test_a_def_settles_its_messages_too() -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=1)

        def handler(bodies: list[Any]) -> Any:
            blocking.messages()[0].ack()
            return Reject("the others")

        await handled(queue, handler, [1, 2], **by(10))

        assert await dead_of(queue) == [("rejected", "Reject: the others", "1")]

    run(test)


def test_a_message_that_cannot_be_decoded_is_dead_by_itself() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []

        async def handler(bodies: list[Any]) -> None:
            got.append(bodies)

        await queue.publish(1)
        broken = Message(id="b", body=b"{")
        await queue.driver_queue.publish(broken)
        await queue.publish(3)
        async with consuming(queue, handler, **by(10)):
            await empty(queue)
        ((reason, _, attempts),) = await dead_of(queue)

        assert got == [[1, 3]]
        assert (reason, attempts) == ("invalid", "1")

    run(test)


def test_a_batch_of_none_that_can_be_decoded_is_not_handed_out() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []
        await queue.driver_queue.publish(Message(id="b", body=b"{"))
        async with consuming(queue, got.append, **by(10)):
            await empty(queue)

        assert got == []

    run(test)


@pytest.mark.parametrize("blocks", [False, True], ids=["async def", "def"])
def test_the_time_limit_is_for_the_whole_batch(blocks: bool) -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=1)
        go_on = threading.Event()

        async def waits(bodies: list[Any]) -> None:
            await module.messages()[0].ack()
            await asyncio.Event().wait()

        def sleeps(bodies: list[Any]) -> None:
            blocking.messages()[0].ack()
            go_on.wait(SOON)

        await queue.publish_many([1, 2, 3])
        handler = sleeps if blocks else waits
        async with consuming(queue, handler, timeout=0.05, **by(10)):
            await empty(queue)
            go_on.set()

        late = ("attempts", "TimeoutError: not done after 0.05 s", "1")
        assert await dead_of(queue) == [late, late]

    run(test)


def test_a_stop_gives_back_what_waits_for_its_batch_with_the_attempt_unspent() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []
        async with consuming(queue, got.append, **by(3, LONG)):
            await queue.publish_many([1, 2])
            await until(lambda: len(queue.driver_queue.in_flight) == 2)  # type: ignore[attr-defined]
        assert got == []
        assert await queue.info() == Info(2, 0, 0, 0)
        subscription = queue.driver_queue.subscribe(1)
        again = [await subscription.receive() for _ in "12"]

        assert [(each.body, each.attempt) for each in again] == [(b"1", 1), (b"2", 1)]

    run(test)


@pytest.mark.parametrize("wait", [0.0, LONG], ids=["handled", "gathered"])
def test_a_consumer_that_is_cancelled_releases_its_batch(wait: float) -> None:
    async def test() -> None:
        queue = a_queue()

        async def handler(bodies: list[Any]) -> None:
            await asyncio.Event().wait()

        async with consuming(queue, handler, **by(3, wait)) as running:
            await queue.publish_many([1, 2])
            await until(lambda: len(queue.driver_queue.in_flight) == 2)  # type: ignore[attr-defined]
            running.task.cancel()
            await asyncio.wait([running.task])

        assert await queue.info() == Info(2, 0, 0, 0)

    run(test)


def test_batches_are_handled_at_the_same_time() -> None:
    async def test() -> None:
        queue = a_queue()
        running: list[Any] = []
        both = asyncio.Event()

        async def handler(bodies: list[Any]) -> None:
            running.append(bodies)
            if len(running) == 2:
                both.set()
            await both.wait()

        await handled(queue, handler, range(4), **by(2, concurrency=2))

        assert running == [[0, 1], [2, 3]]

    run(test)


def test_a_batch_has_no_single_message() -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=1)

        async def handler(bodies: list[Any]) -> None:
            module.message()

        await handled(queue, handler, [1], **by(2))
        ((_, error, _),) = await dead_of(queue)

        assert "'app:work' was called with a batch; write queue.messages()" in error

    run(test)


def test_a_consumer_without_batches_has_one_message_in_its_list() -> None:
    async def test() -> None:
        queue = a_queue()
        got: list[Any] = []

        async def handler(body: Any) -> None:
            got.append([each.id for each in module.messages()] == [module.message().id])

        await handled(queue, handler, [1])

        assert got == [True]

    run(test)
