"""Status, progress, results and cancelling, on every driver, with a consumer at work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.engines.queue.queue import Queue
from runtime.engines.queue.status import Progress, TaskError, UnknownMessage
from runtime.modules import queue as module
from tests.support.consuming import AT_ONCE, consuming, run
from tests.support.driver_conformance.suite import ROOM
from tests.support.tracking import becomes, each_driver, opened, tells


@each_driver
def test_the_status_of_a_task_that_goes_well(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            begun, go = asyncio.Event(), asyncio.Event()

            async def handler(body: Any) -> Any:
                module.message().progress(0.25, "a quarter")
                begun.set()
                await go.wait()
                return {"sum": body}

            id = await queue.publish(3)
            waiting = await queue.status(id)
            async with consuming(queue, handler):
                await begun.wait()
                await tells(queue, id, Progress(0.25, "a quarter"))
                running = await queue.status(id)
                go.set()
                done = await becomes(queue, id, "done")

            assert (waiting.status, waiting.attempt, waiting.started) == ("queued", 0, None)
            assert (running.status, running.attempt, running.max_attempts) == ("running", 1, 3)
            assert running.started is not None
            assert waiting.published <= running.started
            assert (done.result, done.error) == ({"sum": 3}, None)
            assert done.ended is not None
            assert running.started <= done.ended

    run(test)


@each_driver
def test_a_task_that_fails_is_retried_and_then_dead(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):

            async def handler(body: Any) -> None:
                raise ValueError("no number: 7")

            id = await queue.publish(1)
            async with consuming(queue, handler):
                dead = await becomes(queue, id, "dead")

            assert (dead.attempt, dead.error) == (3, TaskError("ValueError", "no number: 7"))
            assert dead.ended is not None
            await queue.requeue(id)
            again = await queue.status(id)
            assert (again.status, again.attempt, again.error) == ("queued", 0, None)

    run(test)


@each_driver
def test_a_task_that_waits_for_another_attempt_says_why(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):

            async def handler(body: Any) -> None:
                module.message().progress(0.5)
                raise module.Retry(after=3600)

            id = await queue.publish(1)
            assert (await queue.status(id)).status == "queued"
            async with consuming(queue, handler):
                status = await becomes(queue, id, "retrying")

            assert status.error == TaskError("Retry", "try again after 3600")
            assert status.next is not None
            assert status.started is not None
            assert (status.next - status.started).total_seconds() > 3500
            assert status.progress is None

    run(test)


@each_driver
def test_a_dead_letter_in_another_queue_is_dead_there_where_it_died(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, harness):
            letters = Queue(
                "app:letters", harness.declare("l", ROOM), AT_ONCE, max_attempts=1, max_requeues=1
            )
            queue.dead_letter = letters

            async def handler(body: Any) -> None:
                raise module.Reject("not mine")

            id = await queue.publish(1)
            async with consuming(queue, handler):
                dead = await becomes(queue, id, "dead")

            assert (dead.attempt, dead.error) == (1, TaskError("Reject", "not mine"))
            assert (await letters.status(id)).status == "queued"
            with pytest.raises(UnknownMessage, match=r"'app:q' knows no message 'x'"):
                await queue.status("x")

    run(test)


@each_driver
def test_without_retention_a_task_that_is_done_is_forgotten(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            queue.tracked.retention = None
            done = asyncio.Event()

            async def handler(body: Any) -> str:
                done.set()
                return "nobody asks"

            id = await queue.publish(1)
            async with consuming(queue, handler):
                await done.wait()
            with pytest.raises(UnknownMessage):
                await queue.status(id)

    run(test)
