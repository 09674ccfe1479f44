"""Cancelling a message that runs, on every driver."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from runtime.engines.queue.status import Progress
from runtime.modules import queue as module
from runtime.modules.sync import queue as blocking_module
from tests.support.consuming import SOON, consuming, run
from tests.support.tracking import becomes, each_driver, opened, tells


@each_driver
def test_a_task_that_runs_is_cancelled_at_its_next_await(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            begun, seen = asyncio.Event(), []

            async def handler(body: Any) -> None:
                if body == "next":
                    return
                message = module.message()
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    seen.append(message.cancelled)

            id = await queue.publish("first")
            async with consuming(queue, handler):
                await begun.wait()
                asked = await queue.cancel(id)
                ended = await becomes(queue, id, "cancelled")
                other = await queue.publish("next")
                await becomes(queue, other, "done")

            assert (asked.status, asked.cancelling) == ("running", True)
            assert (ended.attempt, ended.cancelling, seen) == (1, False, [True])
            assert (await queue.info()).dead == 0

    run(test)


@each_driver
def test_a_plain_function_goes_on_and_is_told(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            begun, go = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()
            seen: list[bool] = []

            def handler(body: Any) -> str:
                message = blocking_module.message()
                message.progress(0.1, "begun")
                loop.call_soon_threadsafe(begun.set)
                go.wait(SOON)
                seen.append(message.cancelled)
                if body == "fail":
                    raise ValueError
                return "all the same"

            ends = []
            async with consuming(queue, handler):
                for body in ("go on", "fail"):
                    begun.clear()
                    go.clear()
                    id = await queue.publish(body)
                    await begun.wait()
                    await tells(queue, id, Progress(0.1, "begun"))
                    await queue.cancel(id)
                    go.set()
                    ends.append(await becomes(queue, id, "done", "cancelled"))

            assert [(end.status, end.result) for end in ends] == [
                ("done", "all the same"),
                ("cancelled", None),
            ]
            assert seen == [True, True]

    run(test)


@each_driver
def test_what_is_claimed_ahead_is_never_begun_once_it_is_cancelled(driver: str) -> None:
    async def test() -> None:
        async with opened(driver) as (queue, _):
            begun, go = asyncio.Event(), asyncio.Event()
            handled = []

            async def handler(body: Any) -> None:
                handled.append(body)
                begun.set()
                await go.wait()

            first, second = [await queue.publish(body) for body in "12"]
            async with consuming(queue, handler):
                await begun.wait()
                await queue.cancel(second)
                go.set()
                await becomes(queue, first, "done")
                await becomes(queue, second, "cancelled")

            assert handled == ["1"]

    run(test)
