"""queue.consumer: messages that handlers settle themselves, and dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.outcome import AlreadySettled
from runtime.modules import queue as module
from tests.support.consuming import (
    a_queue,
    consuming,
    dead_of,
    empty,
    run,
    until,
)


def test_an_explicit_settlement_wins_over_the_result() -> None:
    async def test() -> None:
        queue, attempts = a_queue(), []

        async def handler(body: Any) -> bool:
            message = module.message()
            attempts.append(message.attempt)
            if message.attempt == 1:
                await message.nack(delay=0)
                return True
            await message.ack()
            return False

        async with consuming(queue, handler):
            await queue.publish(1)
            await empty(queue)

        assert attempts == [1, 2]
        assert await queue.info() == Info(0, 0, 0, 0)

    run(test)


def test_a_second_settlement_raises_and_so_does_one_after_the_end() -> None:
    async def test() -> None:
        queue, messages = a_queue(), []

        async def handler(body: Any) -> None:
            messages.append(module.message())
            if body == "twice":
                await messages[-1].ack()
                with pytest.raises(AlreadySettled):
                    await messages[-1].nack()

        async with consuming(queue, handler):
            await queue.publish("twice")
            await queue.publish("once")
            await empty(queue)
            with pytest.raises(AlreadySettled, match="settled already"):
                await messages[1].ack()

        assert await queue.info() == Info(0, 0, 0, 0)

    run(test)


def test_an_error_after_an_ack_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        queue = a_queue()

        async def handler(body: Any) -> None:
            await module.message().ack()
            raise ValueError("too late")

        async with consuming(queue, handler):
            await queue.publish(1)
            await empty(queue)
            await until(lambda: bool(caplog.records))

        assert await queue.info() == Info(0, 0, 0, 0)

    run(test)

    assert [record.getMessage() for record in caplog.records] == [
        "app:work settled its message and failed after that"
    ]


def test_a_dead_letter_has_the_traceback_from_the_handlers_line_on() -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=1)

        async def handler(body: Any) -> None:
            raise ValueError("no")

        async with consuming(queue, handler):
            await queue.publish(1)
            await empty(queue)
        (dead,) = await queue.dead_letters()
        traceback = dead.headers["x_dead_letter_traceback"]

        assert 'raise ValueError("no")' in traceback
        assert "worker.py" not in traceback
        assert traceback.endswith("ValueError: no\n")

    run(test)


def test_dead_letters_go_to_the_queue_that_is_named_even_if_it_is_full() -> None:
    async def test() -> None:
        dead = a_queue("dead", max_length=1)
        queue = a_queue(dead_letter=dead)

        async def handler(body: Any) -> None:
            raise module.Reject("no")

        async with consuming(queue, handler):
            for number in range(3):
                await queue.publish(number)
            await empty(queue)

        assert (await queue.info()).dead == 3
        assert (await dead.info()).ready == 3
        dead_letter = await dead.driver_queue.subscribe(1).receive()
        assert (
            dead_letter.body,
            dead_letter.headers["x_original_queue"],
            dead_letter.attempt,
        ) == (b"0", "app:q", 1)

    run(test)


def test_an_exception_that_a_handler_returns_counts_as_raised() -> None:
    async def test() -> None:
        queue = a_queue(max_attempts=2)

        async def handler(body: Any) -> Any:
            return module.Reject("no") if body == "reject" else ValueError("returned")

        async with consuming(queue, handler):
            await queue.publish("reject")
            await queue.publish("fail")
            await empty(queue)

        assert await dead_of(queue) == [
            ("rejected", "Reject: no", "1"),
            ("attempts", "ValueError: returned", "2"),
        ]

    run(test)


def test_a_def_handler_may_return_its_exception_too() -> None:
    async def test() -> None:
        queue = a_queue()

        def handler(body: Any) -> Any:
            return module.Retry(after=0) if module.message().attempt == 1 else module.Reject("no")

        async with consuming(queue, handler):
            await queue.publish(1)
            await empty(queue)

        assert await dead_of(queue) == [("rejected", "Reject: no", "2")]

    run(test)
