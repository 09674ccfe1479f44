"""queue.consumer: what becomes of messages, by what their handlers do."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.clock import REAL
from runtime.engines.queue.driver_queue import Info
from runtime.engines.queue.message import Message
from runtime.entry_id import EntryId
from runtime.handlers.context import ApplicationContext
from runtime.kind import Stage
from runtime.kinds.queue import consumer
from runtime.modules import queue as module
from runtime.telemetry import OFF
from tests.support.clock import FakeClock
from tests.support.consuming import (
    Function,
    Running,
    a_queue,
    consuming,
    dead_of,
    empty,
    run,
)


@pytest.mark.parametrize("result", [True, None, 0, "", {"any": "thing"}])
def test_anything_but_false_acks(result: Any) -> None:
    async def test() -> None:
        queue, seen = a_queue(), []

        async def handler(body: Any) -> Any:
            seen.append(body)
            return result

        async with consuming(queue, handler):
            await queue.publish({"n": 1})
            await empty(queue)

        assert seen == [{"n": 1}]
        assert await queue.info() == Info(0, 0, 0, 0)

    run(test)


def test_false_and_exceptions_are_tried_again_until_attempts_are_spent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        queue, attempts = a_queue(max_attempts=3), []

        async def handler(body: Any) -> bool:
            attempts.append(module.message().attempt)
            if len(attempts) < 3:
                return False
            raise ValueError("no number")

        async with consuming(queue, handler):
            await queue.publish(1)
            await empty(queue)

        assert attempts == [1, 2, 3]
        assert await dead_of(queue) == [("attempts", "ValueError: no number", "3")]

    run(test)

    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    (error,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert len(warnings) == 2
    assert "app:work failed on attempt 1 of 3, next in" in warnings[0].getMessage()
    assert warnings[0].fields == {"attempt": 1, "next": 0.0}  # type: ignore[attr-defined]
    assert error.exc_info is not None
    assert error.entry == "app:work"  # type: ignore[attr-defined]


def test_the_gaps_between_attempts_grow_by_the_policy() -> None:
    async def test() -> None:
        fake = FakeClock()
        policy = Backoff(initial_delay=20, max_delay=40, backoff_factor=2, jitter=0)
        queue, times = a_queue(retry=policy, max_attempts=4, clock=fake.clock), []

        async def handler(body: Any) -> bool:
            times.append(fake.monotonic())
            return False

        async with consuming(queue, handler, clock=fake.clock):
            await queue.publish(1)
            await fake.advance(1000)
            await empty(queue)

        assert times == [0, 20, 60, 100]

    run(test)


def test_retry_sets_the_delay_and_spends_an_attempt() -> None:
    async def test() -> None:
        fake = FakeClock()
        slow = Backoff(initial_delay=60)
        queue, times = a_queue(retry=slow, max_attempts=2, clock=fake.clock), []

        async def handler(body: Any) -> None:
            times.append(fake.monotonic())
            raise module.Retry(after="30s")

        async with consuming(queue, handler, clock=fake.clock):
            await queue.publish(1)
            await fake.advance(30)
            await empty(queue)

        assert times == [0, 30]
        assert await dead_of(queue) == [("attempts", "Retry: try again after 30s", "2")]

    run(test)


def test_reject_goes_to_the_dead_letters_at_once() -> None:
    async def test() -> None:
        queue = a_queue()

        async def handler(body: Any) -> None:
            raise module.Reject("unknown action")

        async with consuming(queue, handler):
            await queue.publish(1, headers={"trace": "t"})
            await empty(queue)

        assert await dead_of(queue) == [("rejected", "Reject: unknown action", "1")]

    run(test)


def test_a_body_that_is_no_json_is_dead_as_invalid() -> None:
    async def test() -> None:
        queue, seen = a_queue(), []

        async def handler(body: Any) -> None:
            seen.append(body)

        async with consuming(queue, handler):
            for body in (b"{", b"", b'"\xff"', b"[" * 100_000):
                await queue.driver_queue.publish(Message("x", body))
            await queue.publish("good")
            await empty(queue)

        assert seen == ["good"]
        assert [reason for reason, _, _ in await dead_of(queue)] == ["invalid"] * 4

    run(test)


def test_a_message_beyond_its_attempts_is_dead_as_crashed_and_not_handled() -> None:
    async def test() -> None:
        queue, seen = a_queue(max_attempts=2), []

        async def handler(body: Any) -> None:
            seen.append(body)

        await queue.driver_queue.publish(
            Message("x", b"1", {}, 2)
        )  # died in the second attempt's hands
        async with consuming(queue, handler):
            await empty(queue)

        assert seen == []
        assert (await dead_of(queue))[0][0] == "crashed"

    run(test)


@pytest.mark.parametrize("ending", [SystemExit(3), asyncio.CancelledError("own")])
def test_a_handler_that_exits_or_cancels_itself_only_fails(ending: BaseException) -> None:
    async def test() -> None:
        queue, seen = a_queue(max_attempts=1), []

        async def handler(body: Any) -> None:
            seen.append(body)
            if body == "bad":
                if isinstance(ending, SystemExit):
                    sys.exit(3)
                raise ending

        async with consuming(queue, handler):
            await queue.publish("bad")
            await queue.publish("good")
            await empty(queue)

        assert seen == ["bad", "good"]
        assert [(r, a) for r, _, a in await dead_of(queue)] == [("attempts", "1")]

    run(test)


def test_the_kind_builds_a_consumer_of_its_config() -> None:
    async def test() -> None:
        queue, seen = a_queue(), []

        async def handler(body: Any) -> None:
            seen.append(body)

        config = consumer.Config(
            queue=queue,
            func=Function(handler),
            concurrency=2,
            prefetch=5,
            timeout=None,
            transaction=None,
            batch=None,
            rate=None,
            concurrency_by=None,
            per_key=None,
        )
        context: Any = SimpleNamespace(
            id=EntryId("app", "task_consumer"),
            scope=ApplicationContext(),
            clock=REAL,
            telemetry=OFF,
        )
        running = Running(consumer.kind.build(config, context))
        await queue.publish({"n": 1})
        await empty(queue)
        await running.end()

        assert seen == [{"n": 1}]

    run(test)
    assert consumer.kind.stage is Stage.CONSUMER


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(1), BaseException("odd")])
def test_what_would_end_a_program_ends_an_attempt(raised: BaseException) -> None:
    async def test() -> None:
        queue, attempts = a_queue(max_attempts=2), []

        async def handler(body: Any) -> None:
            attempts.append(body)
            raise raised

        async with consuming(queue, handler):
            await queue.publish("x")
            await empty(queue)

        assert attempts == ["x", "x"]
        assert (await queue.info()).dead == 1

    run(test)
